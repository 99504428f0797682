//! Formats the report of `wasm run` for people: outcome, agreement, paths and CIDs of the result, and the first lines
//! of the program's output.

use std::path::PathBuf;

use bacalhau_runtime::{Checked, Claim, Outcome, Profile, Service};

use super::audit::Audit;
use super::output::{Lines, Paint, Render};
use super::publications;
use super::report::{self, Report, Reports};
use super::text::{self, Excerpt};
use bacalhau_job::{Finding, Group, Rule, docker_profile};

/// Maximum differences of a faulty claim shown; the JSON has all.
const MOST_DIFFERENCES: usize = 3;

impl Render for Report {
    fn table(&self, paint: Paint) -> String {
        let mut lines = Lines::default();
        if let Some(claim) = &self.claim {
            lines.add("outcome", outcome(claim.outcome, paint));
        }
        lines.add("verdict", self.verdict_line(paint));
        if let Some(runs) = self.verdict.runs_in_words() {
            lines.add("runs", runs);
        }
        for (index, line) in self.audit.iter().flat_map(Audit::lines).enumerate() {
            lines.add(if index == 0 { "audit" } else { "" }, line);
        }
        self.add_groups(&mut lines);
        self.add_findings(&mut lines, paint);
        if let Some(claim) = &self.claim {
            self.add_claim(&mut lines, claim);
        }
        self.add_places(&mut lines);
        self.add_published(&mut lines);
        for note in &self.notes {
            lines.add("note", text::harmless(note));
        }
        let mut text = lines.into_text();
        for said in said(self) {
            said.write(&mut text);
        }
        text
    }
}

impl Render for Reports {
    fn table(&self, paint: Paint) -> String {
        let mut text = String::new();
        for (index, shard) in self.shards.iter().enumerate() {
            text.extend(["shard ", &index.to_string(), "\n"]);
            text.push_str(&shard.table(paint));
            text.push('\n');
        }
        let verified = self.shards.iter().filter(|shard| shard.verified).count();
        let mut lines = Lines::default();
        lines.add("job", self.job.to_string());
        lines.add("shards", format!("{verified} of {} verified", self.shards.len()));
        lines.add("results", self.output_dir.join("shards").display().to_string());
        text + &lines.into_text()
    }
}

impl Report {
    fn verdict_line(&self, paint: Paint) -> String {
        let why = self.explanation;
        match (self.verdict.winner(), self.verdict.rule) {
            (Some(group), _) => {
                let agreeing = group.executions.len();
                let runs = self.executions.len();
                let short = self.verdict.short_of(runs);
                paint.green(&format!("verified: {agreeing} of {runs} independent runs agree{short} ({why})"))
            }
            (None, Rule::OneRun | Rule::NotCompared) => paint.yellow(&format!("not verified: {why}")),
            (None, _) => paint.red(&format!("no verdict: {why}")),
        }
    }

    /// The votes, if not all are equal.
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

    /// Differences of runs from the accepted result, or from each other.
    fn add_findings(&self, lines: &mut Lines, paint: Paint) {
        for finding in &self.findings {
            let is_in = |list: fn(&Group) -> &[u16]| {
                self.verdict.groups.iter().any(|group| list(group).contains(&finding.execution))
            };
            let against = format!("where run {} has", finding.against);
            let (what, against) = if is_in(|group| &group.faulty) {
                ("faulty", "instead of")
            } else if is_in(|group| &group.disputed) {
                ("disputed", against.as_str())
            } else {
                ("differs", against.as_str())
            };
            lines.add(what, paint.red(&deviating(finding, against)));
            if let Some(parted) = &finding.parted {
                lines.add("", format!("parted at {}", text::harmless(parted)));
            }
        }
    }

    fn add_claim(&self, lines: &mut Lines, claim: &Claim) {
        lines.add("h1", &claim.h1);
        let is_container = claim.job.profile == docker_profile();
        if !is_container {
            lines.add("fuel", fuel(claim));
        }
        lines.add("profile", profile(claim));
        let unclaimed = self.unclaimed.as_ref();
        let from = |source: Option<&String>| source.map_or_else(String::new, |source| format!("  {source}"));
        lines.add(
            if is_container { "image" } else { "module" },
            format!("{}{}", claim.job.module, from(unclaimed.and_then(|known| known.module_source.as_ref()))),
        );
        lines.add("job", claim.job_cid.to_string());
        for (place, content) in &claim.job.inputs {
            let content = content.as_deref().unwrap_or("unknown");
            let source = unclaimed.and_then(|known| known.input_sources.get(place));
            // The CID contains it.
            let source = from(source.filter(|source| **source != format!("ipfs://{content}")));
            lines.add("input", format!("{place}  {content}{source}"));
            for service in unclaimed.and_then(|known| known.input_services.get(place)).into_iter().flatten() {
                if let Some(line) = served(service) {
                    lines.add("", line);
                }
            }
        }
    }

    fn add_published(&self, lines: &mut Lines) {
        for publication in report::published(self.unclaimed.as_ref()) {
            if let Some(cid) = publication.cid {
                lines.add("published", format!("{cid}  (fetch it with: bacalhau get {cid})"));
            }
            for place in &publication.places {
                lines.add(if publication.cid.is_some() { "" } else { "published" }, place);
            }
            // The progress of asynchronous publications.
            if let Some(last) = publications::last(publication) {
                lines.add(&publication.publisher, last);
            }
        }
    }

    fn add_places(&self, lines: &mut Lines) {
        match (&self.results_dir, &self.claim) {
            (Some(dir), Some(claim)) => {
                let size = claim.files.iter().map(|file| file.bytes).sum();
                let files = text::count(claim.files.len(), "file");
                lines.add("results", format!("{}  ({files}, {})", dir.display(), text::bytes(size)));
            }
            _ => {
                lines
                    .add("results", format!("{}  (one directory a run)", self.output_dir.join("executions").display()));
            }
        }
        if let Some(receipt) = &self.receipt {
            lines.add("receipt", format!("{}  (check it with: bacalhau verify {0})", receipt.display()));
        }
    }
}

/// The source of an input, if its name does not contain it.
fn served(service: &Service) -> Option<String> {
    let checked = match service.checked {
        Checked::Hashed => return None,
        Checked::Verified => "checked against the CID",
        Checked::Unverified => "unverified: no known import profile yields this CID for it",
        Checked::Trusted => "not checked, by --unsealed-verify never",
    };
    let failed = service.failed.as_ref().map_or_else(String::new, |why| format!("; it failed: {why}"));
    Some(text::harmless(&format!("read from {} ({}, {checked}{failed})", service.place, service.driver)))
}

/// The beginning of one of the program's streams.
#[derive(Debug)]
struct Said {
    stream: &'static str,
    path: PathBuf,
    excerpt: Excerpt,
}

impl Said {
    fn write(&self, text: &mut String) {
        text.extend(["\n", self.stream]);
        if self.excerpt.more {
            text.extend([" (beginning only; complete in ", &self.path.display().to_string(), ")"]);
        }
        text.push_str(":\n");
        for line in &self.excerpt.lines {
            text.extend(["  ", line, "\n"]);
        }
    }
}

/// Standard output, and after a failure standard error. Unreadable files are skipped.
fn said(report: &Report) -> Vec<Said> {
    let (Some(claim), Some(results)) = (&report.claim, &report.results_dir) else { return Vec::new() };
    let streams: &[&'static str] = if claim.outcome.is_success() { &["stdout"] } else { &["stdout", "stderr"] };
    let read = |stream: &&'static str| {
        let path = results.join(stream);
        let excerpt = text::excerpt(&path).ok()?;
        Some(Said { stream, path, excerpt }).filter(|said| !said.excerpt.lines.is_empty())
    };
    streams.iter().filter_map(read).collect()
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
    let used = claim.fuel;
    format!("{} of {} ({})", text::thousands(used), text::thousands(limit), text::percent(used, limit))
}

/// An execution and the first differences of its claim.
fn deviating(deviation: &Finding, against: &str) -> String {
    let mut points: Vec<String> = deviation
        .differences
        .iter()
        .take(MOST_DIFFERENCES)
        .map(|point| text::harmless(&format!("{} {} {against} {}", point.what, point.found, point.expected)))
        .collect();
    let more = deviation.differences.len() - points.len();
    if more > 0 {
        points.push(format!("and {more} more"));
    }
    format!("run {}: {}", deviation.execution, points.join(", "))
}

fn profile(claim: &Claim) -> String {
    let id = claim.job.profile;
    match Profile::of(&id) {
        Some(profile) => format!("{} ({id})", profile.name),
        None if id == docker_profile() => format!("docker 1 ({id})"),
        None => id.to_string(),
    }
}

fn runs(numbers: &[u16]) -> String {
    let list: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!("run{} {}", if numbers.len() == 1 { "" } else { "s" }, list.join(", "))
}
