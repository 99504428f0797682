//! What `wasm run` says when it is done, as one value. Its keys are part of the interface: they may become more, never
//! others. How it looks to people is in `summary`.

use std::path::PathBuf;

use bacalhau_runtime::{Claim, Outcome, Receipt, Unclaimed};
use serde::Serialize;

use super::exit::Exit;
use crate::embedded::Execution;
use crate::verify::Verdict;

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
    /// Fuel used.
    pub(super) fuel: Option<u64>,
    /// How long it took.
    pub(super) wall_ms: u64,
    /// Why the host failed.
    pub(super) failure: Option<String>,
    /// Where its own results are; only without a verdict.
    pub(super) output_dir: Option<PathBuf>,
}

impl Report {
    /// The report on `executions`, whose results are at `output_dir` now.
    pub(super) fn new(verdict: Verdict, executions: &[Execution], output_dir: PathBuf) -> Self {
        let chosen = verdict.chosen();
        let receipt =
            executions.iter().find(|run| Some(run.number) == chosen).and_then(|run| run.outcome.as_ref().ok());
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
}

impl Run {
    fn new(execution: &Execution, output_dir: Option<PathBuf>) -> Self {
        let claim = execution.outcome.as_ref().ok().map(|receipt| &receipt.claim);
        Self {
            number: execution.number,
            h1: claim.map(|claim| claim.h1.clone()),
            outcome: claim.map(|claim| claim.outcome),
            fuel: claim.map(|claim| claim.fuel),
            wall_ms: u64::try_from(execution.wall.as_millis()).unwrap_or(u64::MAX),
            failure: execution.outcome.as_ref().err().map(ToString::to_string),
            output_dir: output_dir.filter(|_| claim.is_some()),
        }
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use bacalhau_runtime::{Job, Link};

    use super::*;
    use crate::cli::keep;
    use crate::cli::output::{Paint, Render};
    use crate::cli::place::Place;
    use crate::embedded::{self, Task};
    use crate::executor::fake::Fake;
    use crate::job::Deal;
    use crate::verify::{Deterministic, Verifier};

    /// Everything that comes after the runs, as `wasm run` does it, into `dir`.
    fn finish(dir: &Path, fake: &Fake, count: u16, spoil: impl Fn(&mut Vec<Execution>)) -> Report {
        let place = Place::plan(Some(&dir.join("out"))).unwrap();
        let job = Job::new(Link::of_raw(b""));
        let task = Task { job: &job, inputs: &BTreeMap::new(), timeout: Duration::ZERO, dir: place.staging() };
        let mut executions = embedded::run(fake, &task, count, &|_| ());
        spoil(&mut executions);
        let proposals: Vec<_> = executions.iter().map(Execution::proposal).collect();
        let verdict = Deterministic.verify(Deal::new(count, 0).unwrap(), &proposals);
        let output_dir = keep::keep(place, &executions, verdict.chosen()).unwrap();
        Report::new(verdict, &executions, output_dir)
    }

    #[test]
    fn a_majority_wins_and_the_others_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let report = finish(dir.path(), &Fake { liars: &[1], failing: &[4] }, 4, |_| ());
        assert_eq!(report.exit(), Exit::Success);
        assert_eq!(fs::read_to_string(dir.path().join("out/results/stdout")).unwrap(), "truth\n");
        assert!(!dir.path().join("out/executions").exists());
        let table = report.table(Paint::for_stdout());
        assert!(table.contains("verified: 2 of 4 independent runs agree"), "{table}");
        assert!(table.contains("from runs 2, 3\n") && table.contains("from run 1\n"), "{table}");
        assert!(table.contains("no result from run 4: ") && table.contains("the disk is full"), "{table}");
        assert!(table.ends_with("stdout:\n  truth\n"), "{table}");
    }

    #[test]
    fn without_a_verdict_each_run_is_kept_and_none_stands() {
        let dir = tempfile::tempdir().unwrap();
        let report = finish(dir.path(), &Fake { liars: &[2], failing: &[3] }, 3, |_| ());
        assert_eq!(report.exit(), Exit::NoVerdict);
        assert!(!dir.path().join("out/results").exists() && !dir.path().join("out/receipt.json").exists());
        for (number, said) in [(1, "truth\n"), (2, "lie\n")] {
            let own = dir.path().join(format!("out/executions/{number}"));
            assert_eq!(fs::read_to_string(own.join("results/stdout")).unwrap(), said);
            assert!(Receipt::parse(&fs::read(own.join("receipt.cbor")).unwrap()).is_ok());
        }
        assert!(!dir.path().join("out/executions/3").exists());
        let table = report.table(Paint::for_stdout());
        assert!(table.contains("no verdict: no two runs came to the same result"), "{table}");
        assert!(table.contains("(each run's own)"), "{table}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["claim"], &json["receipt"]), (&serde_json::Value::Null, &serde_json::Value::Null));
        assert!(json["executions"][1]["output_dir"].is_string() && json["executions"][2]["output_dir"].is_null());
        drop(Place::plan(Some(&dir.path().join("out"))).unwrap());
    }

    #[test]
    fn agreement_on_results_but_not_on_fuel_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let spoil = |executions: &mut Vec<Execution>| executions[1].outcome.as_mut().unwrap().claim.fuel = 2;
        let report = finish(dir.path(), &Fake { liars: &[], failing: &[] }, 2, spoil);
        assert_eq!(
            report.notes,
            ["run 2 agrees on the results, but has another fuel: 2 in place of 1; please report this"]
        );
    }

    #[test]
    fn one_run_is_never_called_verified() {
        let dir = tempfile::tempdir().unwrap();
        let report = finish(dir.path(), &Fake { liars: &[], failing: &[] }, 1, |_| ());
        assert!(!report.verified);
        assert_eq!(report.exit(), Exit::Success);
        assert!(report.table(Paint::for_stdout()).contains("not verified: one run has nobody to agree with"));
    }
}
