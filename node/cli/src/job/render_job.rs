//! Formats a job for people: its spec, and for each shard bids, executions and votes.

use std::time::Duration;

use bacalhau_runtime::{DEFAULT_ENTRY_POINT, PublicationStep};

use super::super::audit::Audit;
use super::super::columns::Columns;
use super::super::output::{Lines, Paint};
use super::super::report::CONTAINERS;
use super::super::text::{self, harmless};
use bacalhau_job::{
    Distinct, Engine, ExecutionRecord, ExecutionState, FairRecord, Finding, JobRecord, JobState, Rule, ShardRecord,
    Verdict, VerifierKind, WasmSpec,
};

/// Maximum shards shown in full. Jobs with more shards have one line for each.
const MOST_SHARDS: usize = 8;
/// Maximum differences shown. The JSON has all.
const MOST_DIFFERENCES: usize = 3;
/// Characters of a peer ID that are shown, from its end: all begin alike.
const PEER_CHARS: usize = 9;

/// A job to format.
#[derive(Debug)]
pub(super) struct RenderedJob<'a> {
    pub(super) record: &'a JobRecord,
    /// Whether private fields were left out.
    pub(super) withheld: bool,
    /// The only shard to show.
    pub(super) only: Option<usize>,
}

impl RenderedJob<'_> {
    /// The complete text.
    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = self.head(paint);
        let shards = self.record.shards.iter().enumerate();
        let brief = self.only.is_none() && self.record.shards.len() > MOST_SHARDS;
        if brief {
            text.push('\n');
            text.push_str(&overview(&self.record.shards, paint));
            return text;
        }
        for (index, shard) in shards.filter(|(index, _)| self.only.is_none_or(|only| only == *index)) {
            text.push('\n');
            text.push_str(&self.shard(index, shard, paint));
        }
        text
    }

    fn head(&self, paint: Paint) -> String {
        let record = self.record;
        let (job, spec) = (&record.job, record.job.spec());
        let mut lines = Lines::default();
        lines.add("job", job.id.to_string());
        lines.add("state", state(record.state, paint));
        let took = record.ended_ms.map(|ended| {
            format!("  (took {})", text::duration(Duration::from_millis(ended.saturating_sub(job.created_ms))))
        });
        lines.add("created", text::instant(job.created_ms) + &took.unwrap_or_default());
        if let Some(client) = job.request.client() {
            lines.add("client", client.to_string());
        }
        lines.add("requester", job.requester.peer.to_string());
        if self.withheld {
            lines.add("private", "program and inputs are visible only to the client of the job");
        } else {
            add_program(&spec.engine, &mut lines);
            for input in &spec.inputs {
                lines.add("input", harmless(&format!("{}  {}", input.target, input.source)));
            }
            if let Some(sharding) = &spec.sharding {
                let (pattern, base, size) = (&sharding.glob_pattern, &sharding.base_path, sharding.batch_size);
                lines.add("sharding", harmless(&format!("{pattern} below {base}, {size} in a shard")));
            }
            if spec.private {
                lines.add("private", "yes");
            }
        }
        lines.add("deal", deal(record));
        if !spec.selector.is_empty() {
            let conditions: Vec<String> = spec.selector.iter().map(ToString::to_string).collect();
            lines.add("selector", harmless(&conditions.join(",")));
        }
        if !spec.labels.is_empty() {
            lines.add("labels", harmless(&spec.labels.join(", ")));
        }
        lines.into_text()
    }

    fn shard(&self, index: usize, shard: &ShardRecord, paint: Paint) -> String {
        let mut lines = Lines::default();
        let name = format!("shard {index}");
        lines.add(&name, paint_state(&shard.state.to_string(), paint));
        if self.record.shards.len() > 1 && !self.withheld {
            for input in self.record.job.shards.get(index).into_iter().flatten() {
                lines.add("input", harmless(&format!("{}  {}", input.target, input.source)));
            }
        }
        if let Some(verdict) = &shard.verdict {
            lines.add("verdict", verdict_line(verdict, shard.executions.len(), paint));
            if let Some(runs) = verdict.runs_in_words() {
                lines.add("runs", runs);
            }
        }
        for (index, line) in Audit::of(shard).iter().flat_map(Audit::lines).enumerate() {
            lines.add(if index == 0 { "audit" } else { "" }, line);
        }
        if let Some(why) = &shard.why {
            lines.add("why", harmless(why));
        }
        lines.add("bids", bids(shard));
        if let Some(fair) = &self.record.fair {
            lines.add("draw", fair_draw(fair));
        }
        if shard.distinct != Distinct::None {
            lines.add("distinct", format!("{}: one execution for each", shard.distinct));
        }
        let mut text = lines.into_text();
        text.push_str(&executions(shard, paint));
        let mut lines = Lines::default();
        for finding in &shard.findings {
            lines.add("differs", difference(finding));
        }
        self.add_published(shard, &mut lines);
        text + &lines.into_text()
    }

    fn add_published(&self, shard: &ShardRecord, lines: &mut Lines) {
        let Some(execution) = shard.published.and_then(|number| shard.execution(number)) else { return };
        lines.add(
            "result",
            format!("execution {}  (fetch it with: bacalhau get {})", execution.number, self.record.job.id.short()),
        );
        for publication in &execution.publications {
            if let Some(cid) = publication.cid {
                // A provider may serve sealed data late or not to everyone.
                let hint = if matches!(publication.publisher.as_str(), "filecoin" | "pdp") {
                    String::new()
                } else {
                    format!("  (or: bacalhau get {cid})")
                };
                lines.add("published", format!("{cid}{hint}"));
            }
            for place in &publication.places {
                lines.add(if publication.cid.is_some() { "" } else { "published" }, harmless(place));
            }
            for step in &publication.steps {
                let PublicationStep { at_ms, state, text } = step;
                let line = format!("{}  {state}  {text}", text::instant(*at_ms));
                lines.add(&publication.publisher, harmless(line.trim_end()));
            }
        }
    }
}

fn add_program(engine: &Engine, lines: &mut Lines) {
    let args = match engine {
        Engine::Wasm(WasmSpec { module, job }) => {
            let entry = &job.entry_point;
            let entry = if entry == DEFAULT_ENTRY_POINT { String::new() } else { format!("  {entry}") };
            lines.add("module", harmless(&format!("{}  {module}{entry}", job.module)));
            &job.args
        }
        Engine::Docker(docker) => {
            lines.add("image", harmless(&docker.image));
            if !docker.entrypoint.is_empty() {
                lines.add("entry point", harmless(&docker.entrypoint.join(" ")));
            }
            lines.add("note", CONTAINERS);
            &docker.args
        }
    };
    if !args.is_empty() {
        lines.add("arguments", harmless(&args.join(" ")));
    }
}

/// A state with its colour.
pub(super) fn state(state: JobState, paint: Paint) -> String {
    paint_state(&state.to_string(), paint)
}

fn paint_state(name: &str, paint: Paint) -> String {
    match name {
        "Completed" => paint.green(name),
        "Failed" | "Cancelled" => paint.red(name),
        "CompletedPartially" => paint.yellow(name),
        _ => name.into(),
    }
}

fn deal(record: &JobRecord) -> String {
    let spec = record.job.spec();
    let deal = spec.deal;
    let runs = text::count(deal.concurrency().into(), "execution");
    match spec.verifier {
        VerifierKind::Noop => format!("{runs}, not compared"),
        VerifierKind::Deterministic => {
            let agree = match deal.confidence() {
                0 | 1 => String::new(),
                confidence => format!(", {confidence} must agree"),
            };
            let fewer = match deal.min_runs() {
                fewest if fewest < deal.concurrency() => format!(", {fewest} are enough"),
                _ => String::new(),
            };
            format!("{runs} of at least {} bids{agree}{fewer}", deal.min_bids())
        }
    }
}

fn bids(shard: &ShardRecord) -> String {
    let count = |answer| shard.bids.iter().filter(|bid| bid.accepted == answer).count();
    let (accepted, rejected, waiting) = (count(Some(true)), count(Some(false)), count(None));
    let mut text = format!("{}, {accepted} accepted", shard.bids.len());
    for (number, what) in [(rejected, "not needed"), (waiting, "waiting")] {
        if number > 0 {
            text.extend([", ", &number.to_string(), " ", what]);
        }
    }
    text
}

/// The draw mode of a shard and its progress.
fn fair_draw(fair: &FairRecord) -> String {
    let drawn = fair.rounds.iter().filter(|round| round.drawn_ms.is_some()).count();
    let excluded = fair.rounds.iter().filter(|round| round.drawn_ms.is_some());
    let excluded: usize =
        excluded.map(|round| round.set.iter().filter(|entry| !round.takes_part(&entry.peer)).count()).sum();
    let silent = if excluded > 0 {
        format!(", {excluded} bids excluded because their secret was not revealed")
    } else {
        String::new()
    };
    format!("fair: {}{silent}  (repeat it with: describe --draw)", text::count(drawn, "draw"))
}

/// One line for each shard.
fn overview(shards: &[ShardRecord], paint: Paint) -> String {
    let mut columns = Columns::default();
    columns.add(["SHARD", "STATE", "BIDS", "EXECUTIONS", "VERDICT"].map(str::to_owned));
    for (index, shard) in shards.iter().enumerate() {
        let verdict = shard.verdict.as_ref().map(|verdict| verdict_line(verdict, shard.executions.len(), paint));
        columns.add([
            index.to_string(),
            paint_state(&shard.state.to_string(), paint),
            shard.bids.len().to_string(),
            shard.executions.len().to_string(),
            verdict.or_else(|| shard.why.as_deref().map(harmless)).unwrap_or_default(),
        ]);
    }
    columns.into_text()
}

/// The rule that decided, and the number of agreeing executions.
fn verdict_line(verdict: &Verdict, executions: usize, paint: Paint) -> String {
    let why = verdict.rule.explanation();
    match (verdict.winner(), verdict.rule) {
        (Some(group), _) => {
            let agreeing = group.executions.len();
            let short = verdict.short_of(executions);
            paint.green(&format!("verified: {agreeing} of {executions} executions agree{short} ({why})"))
        }
        (None, Rule::OneRun | Rule::NotCompared) => paint.yellow(&format!("not verified: {why}")),
        (None, _) => paint.red(&format!("no verdict: {why}")),
    }
}

fn executions(shard: &ShardRecord, paint: Paint) -> String {
    let mut columns = Columns::default();
    for execution in &shard.executions {
        let outcome = execution.outcome.map(|outcome| outcome.to_string()).unwrap_or_default();
        columns.add([
            format!("  execution {}", execution.number),
            text::shortened(&execution.peer.to_string(), PEER_CHARS),
            execution.operator.as_ref().map(|operator| harmless(&operator.to_string())).unwrap_or_default(),
            paint_state(&execution.state.to_string(), paint),
            standing(execution, shard.verdict.as_ref(), paint),
            execution.h1.clone().map(|h1| harmless(&h1)).unwrap_or_default(),
            outcome,
            execution.why.as_deref().map(harmless).unwrap_or_default(),
        ]);
    }
    columns.into_text()
}

/// The result of an execution in the vote.
fn standing(execution: &ExecutionRecord, verdict: Option<&Verdict>, paint: Paint) -> String {
    let number = execution.number;
    let Some(verdict) = verdict else { return String::new() };
    let Some(group) = verdict.groups.iter().find(|group| {
        [&group.executions, &group.faulty, &group.disputed].into_iter().any(|members| members.contains(&number))
    }) else {
        let failed = execution.state == ExecutionState::Failed || verdict.absent.contains(&number);
        return if failed { paint.red("failed") } else { String::new() };
    };
    if group.h1.is_empty() {
        return paint.red("unreadable");
    }
    if group.faulty.contains(&number) {
        return paint.red("faulty");
    }
    if group.disputed.contains(&number) {
        return paint.red("disputed");
    }
    match verdict.winner() {
        Some(winner) if winner == group => paint.green("agreed"),
        Some(_) => paint.red("differed"),
        None => String::new(),
    }
}

/// The fields in which an execution differs, and the first different host call.
fn difference(finding: &Finding) -> String {
    let points = finding.differences.iter().take(MOST_DIFFERENCES);
    let points = points.map(|point| format!("{} {} instead of {}", point.what, point.found, point.expected));
    let more = finding.differences.len().saturating_sub(MOST_DIFFERENCES);
    let more = (more > 0).then(|| format!("and {more} more"));
    let parted = finding.parted.as_ref().map(|parted| format!("first different host call: {parted}"));
    let all: Vec<String> = points.chain(more).chain(parted).collect();
    harmless(&format!("execution {} from {}: {}", finding.execution, finding.against, all.join(", ")))
}
