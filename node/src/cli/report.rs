//! What `wasm run` says when it is done: one value, shown as a table, JSON or YAML. Its keys are part of the
//! interface: they may become more, never others.

use std::path::{Path, PathBuf};

use bacalhau_runtime::{Claim, Outcome, Profile, Receipt, Unclaimed};
use serde::Serialize;

use super::exit::Exit;
use super::output::{Lines, Paint, Render};
use super::text::{self, Excerpt};
use crate::embedded::Execution;
use crate::verify::{Rule, Verdict};

/// The end of a job.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether independent runs agree on the result.
    pub(super) verified: bool,
    /// Which rule decided, and who said what.
    pub(super) verdict: Verdict,
    /// The rule in words.
    pub(super) explanation: &'static str,
    /// What the receipt claims; absent without a verdict.
    pub(super) claim: Option<Claim>,
    /// The part of the receipt that is not claimed.
    pub(super) unclaimed: Option<Unclaimed>,
    /// Every run.
    pub(super) executions: Vec<Run>,
    /// Where everything is.
    pub(super) output_dir: PathBuf,
    /// The results directory; absent without a verdict.
    pub(super) results_dir: Option<PathBuf>,
    /// The receipt; absent without a verdict.
    pub(super) receipt: Option<PathBuf>,
    /// What is worth knowing beside.
    pub(super) notes: Vec<String>,
    /// What the program wrote, for people only.
    #[serde(skip)]
    said: Vec<Said>,
}

/// One run.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    /// Counted from 1.
    pub(super) number: u16,
    /// The hash of its results, if it has any.
    pub(super) h1: Option<String>,
    /// How the program ended.
    pub(super) outcome: Option<Outcome>,
    /// Fuel used, where that is exact.
    pub(super) fuel: Option<u64>,
    /// How long it took.
    pub(super) wall_ms: u64,
    /// Why the host failed.
    pub(super) failure: Option<String>,
    /// Where its own results are; only without a verdict.
    pub(super) output_dir: Option<PathBuf>,
}

/// The beginning of one of the program's streams.
#[derive(Debug)]
struct Said {
    stream: &'static str,
    path: PathBuf,
    excerpt: Excerpt,
}

impl Report {
    /// The report on `executions`, whose results are at `output_dir` now.
    pub(super) fn new(verdict: Verdict, executions: &[Execution], output_dir: PathBuf) -> Self {
        let chosen = verdict.chosen();
        let receipt = executions.iter().find(|run| Some(run.number) == chosen).and_then(|run| run.outcome.as_ref().ok());
        let results_dir = receipt.map(|_| output_dir.join("results"));
        let own_dir = |run: &Execution| output_dir.join("executions").join(run.number.to_string());
        let runs = executions.iter().map(|run| Run::new(run, receipt.is_none().then(|| own_dir(run)))).collect();
        Self {
            verified: verdict.winner().is_some(),
            explanation: verdict.rule.explanation(),
            claim: receipt.map(|receipt| receipt.claim.clone()),
            unclaimed: receipt.map(|receipt| receipt.unclaimed.clone()),
            executions: runs,
            receipt: receipt.map(|_| output_dir.join("receipt.json")),
            notes: receipt.map_or_else(Vec::new, |receipt| notes(receipt, &verdict, executions)),
            said: receipt.zip(results_dir.as_deref()).map_or_else(Vec::new, |(receipt, dir)| said(receipt, dir)),
            results_dir,
            output_dir,
            verdict,
        }
    }

    /// The exit code that says the same.
    pub(super) fn exit(&self) -> Exit {
        match &self.claim {
            None => Exit::NoVerdict,
            Some(claim) if claim.outcome.is_success() => Exit::Success,
            Some(_) => Exit::Program,
        }
    }

    fn verdict_line(&self, paint: Paint) -> String {
        let why = self.explanation;
        match (self.verdict.winner(), self.verdict.rule) {
            (Some(group), _) => {
                let agreeing = group.executions.len();
                let line = format!("verified: {agreeing} of {} independent runs agree ({why})", self.executions.len());
                paint.green(&line)
            }
            (None, Rule::OneRun | Rule::NotCompared) => paint.yellow(&format!("not verified: {why}")),
            (None, _) => paint.red(&format!("no verdict: {why}")),
        }
    }

    /// Who said what, where not all said the same.
    fn add_groups(&self, lines: &mut Lines) {
        if self.verdict.groups.len() > 1 {
            for group in &self.verdict.groups {
                let h1 = if group.h1.is_empty() { "unreadable" } else { &group.h1 };
                lines.add("", format!("{h1} from {}", runs(&group.executions)));
            }
        }
        for run in &self.executions {
            if let Some(failure) = &run.failure {
                lines.add("", format!("no result from run {}: {failure}", run.number));
            }
        }
    }

    fn add_claim(&self, lines: &mut Lines, claim: &Claim) {
        lines.add("h1", &claim.h1);
        lines.add("fuel", fuel(claim));
        lines.add("profile", profile(claim));
        let unclaimed = self.unclaimed.as_ref();
        let from = |source: Option<&String>| source.map_or_else(String::new, |source| format!("  {source}"));
        lines.add("module", format!("{}{}", claim.job.module, from(unclaimed.and_then(|known| known.module_source.as_ref()))));
        lines.add("job", claim.job_cid.to_string());
        for (place, content) in &claim.job.inputs {
            let source = from(unclaimed.and_then(|known| known.input_sources.get(place)));
            lines.add("input", format!("{place}  {}{source}", content.as_deref().unwrap_or("unknown")));
        }
    }

    fn add_places(&self, lines: &mut Lines) {
        match (&self.results_dir, &self.claim) {
            (Some(dir), Some(claim)) => {
                let size = claim.files.iter().map(|file| file.bytes).sum();
                let files = text::count(claim.files.len(), "file");
                lines.add("results", format!("{}  ({files}, {})", dir.display(), text::bytes(size)));
            }
            _ => lines.add("results", format!("{}  (each run's own)", self.output_dir.join("executions").display())),
        }
        if let Some(receipt) = &self.receipt {
            lines.add("receipt", format!("{}  (check it with: bacalhau verify {0})", receipt.display()));
        }
    }
}

impl Render for Report {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        if let Some(claim) = &self.claim {
            lines.add("outcome", outcome(claim.outcome, paint));
        }
        lines.add("verdict", self.verdict_line(paint));
        self.add_groups(&mut lines);
        if let Some(claim) = &self.claim {
            self.add_claim(&mut lines, claim);
        }
        self.add_places(&mut lines);
        for note in &self.notes {
            lines.add("note", note);
        }
        let mut text = lines.into_text();
        self.said.iter().for_each(|said| said.write(&mut text));
        text
    }
}

impl Run {
    fn new(execution: &Execution, output_dir: Option<PathBuf>) -> Self {
        let claim = execution.outcome.as_ref().ok().map(|receipt| &receipt.claim);
        Self {
            number: execution.number,
            h1: claim.map(|claim| claim.h1.clone()),
            outcome: claim.map(|claim| claim.outcome),
            fuel: claim.and_then(|claim| claim.fuel),
            wall_ms: u64::try_from(execution.wall.as_millis()).unwrap_or(u64::MAX),
            failure: execution.outcome.as_ref().err().map(ToString::to_string),
            output_dir: output_dir.filter(|_| claim.is_some()),
        }
    }
}

impl Said {
    fn write(&self, text: &mut String) {
        text.extend(["\n", self.stream]);
        if self.excerpt.more {
            text.extend([" (the beginning; all of it is in ", &self.path.display().to_string(), ")"]);
        }
        text.push_str(":\n");
        for line in &self.excerpt.lines {
            text.extend(["  ", line, "\n"]);
        }
    }
}

/// Standard output, and standard error where something went wrong. An unreadable file is left out: it is an extra.
fn said(receipt: &Receipt, results: &Path) -> Vec<Said> {
    let streams: &[&'static str] = if receipt.claim.outcome.is_success() { &["stdout"] } else { &["stdout", "stderr"] };
    let read = |stream: &&'static str| {
        let path = results.join(stream);
        let excerpt = text::excerpt(&path).ok()?;
        Some(Said { stream, path, excerpt }).filter(|said| !said.excerpt.lines.is_empty())
    };
    streams.iter().filter_map(read).collect()
}

/// The runtime's notes, and where runs that agree on the results do not agree on the rest of the claim.
fn notes(chosen: &Receipt, verdict: &Verdict, executions: &[Execution]) -> Vec<String> {
    let mut notes = chosen.unclaimed.notes.clone();
    let Some(winner) = verdict.winner() else { return notes };
    for run in executions.iter().filter(|run| winner.executions.contains(&run.number)) {
        let Ok(receipt) = &run.outcome else { continue };
        for difference in chosen.differences(receipt) {
            notes.push(format!(
                "run {} agrees on the results, but has another {}: {} in place of {}; please report this",
                run.number, difference.what, difference.found, difference.expected
            ));
        }
    }
    notes
}

fn outcome(outcome: Outcome, paint: Paint) -> String {
    match outcome {
        Outcome::Exit(0) => paint.green("exit 0"),
        Outcome::Limit(limit) => paint.red(&format!("{outcome} (raise it with {})", limit.flag())),
        Outcome::Exit(_) | Outcome::Trap(_) => paint.red(&outcome.to_string()),
    }
}

fn fuel(claim: &Claim) -> String {
    let limit = claim.job.limits.fuel;
    match claim.fuel {
        Some(fuel) => format!("{} of {} ({})", text::thousands(fuel), text::thousands(limit), text::percent(fuel, limit)),
        None => "not exact after this outcome".into(),
    }
}

fn profile(claim: &Claim) -> String {
    let id = claim.job.profile;
    if id == Profile::V0.id() { format!("{} ({id})", Profile::V0.name) } else { id.to_string() }
}

fn runs(numbers: &[u16]) -> String {
    let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("run{} {}", if numbers.len() == 1 { "" } else { "s" }, list.join(", "))
}
