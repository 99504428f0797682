//! The report of `wasm run` as one value. Its keys are stable: new ones may be added, existing ones do not change.
//! `summary` formats it for people.

use std::path::{Path, PathBuf};

use bacalhau_runtime::{Claim, Outcome, Publication, Receipt, Unclaimed};
use libp2p::PeerId;
use serde::Serialize;

use super::audit::Audit;
use super::exit::Exit;
use super::finished_job::FinishedJob;
use super::{publications, save_results};
use bacalhau_job::{
    AnnouncedJob, ExecutionRecord, ExecutionState, Finding, JobId, Operator, Rule, ShardRecord, Verdict, docker_profile,
};

/// Note for every result of a container.
pub(super) const CONTAINERS: &str = "determinism of the container is not enforced; the runs were only compared";

/// The report of a job.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Id of the job.
    pub(super) job: JobId,
    /// Whether independent runs agree on the result.
    pub(super) verified: bool,
    /// The rule that decided, and the votes.
    pub(super) verdict: Verdict,
    /// Description of the rule.
    pub(super) explanation: &'static str,
    /// The claim of the receipt; absent without a verdict.
    pub(super) claim: Option<Claim>,
    /// The audit of a single run; absent when the job has no audits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) audit: Option<Audit>,
    /// Differences of runs from the accepted result, or without one from the first of the largest group.
    pub(super) findings: Vec<Finding>,
    /// The unclaimed part of the receipt.
    pub(super) unclaimed: Option<Unclaimed>,
    /// All runs.
    pub(super) executions: Vec<Run>,
    /// The output directory.
    pub(super) output_dir: PathBuf,
    /// The results directory; absent without a verdict.
    pub(super) results_dir: Option<PathBuf>,
    /// Path of the receipt; absent without a verdict.
    pub(super) receipt: Option<PathBuf>,
    /// Further notes.
    pub(super) notes: Vec<String>,
}

/// The report of a job with several shards.
#[derive(Debug, Serialize)]
pub(super) struct Reports {
    /// Id of the job.
    pub(super) job: JobId,
    /// Whether all shards are verified.
    pub(super) verified: bool,
    /// The output directory.
    pub(super) output_dir: PathBuf,
    /// The reports of the shards.
    pub(super) shards: Vec<Report>,
}

/// A run.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    /// Number, from 1.
    pub(super) number: u16,
    /// Peer ID of the node.
    pub(super) node: PeerId,
    /// Operator and how it was determined; absent when each node counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<Operator>,
    /// State of the execution.
    pub(super) state: ExecutionState,
    /// Hash of the results; absent without results.
    pub(super) h1: Option<String>,
    /// How the program ended.
    pub(super) outcome: Option<Outcome>,
    /// Fuel used.
    pub(super) fuel: Option<u64>,
    /// Duration; absent when the node did not report it.
    pub(super) wall_ms: Option<u64>,
    /// Why it has no result, or why the result does not count.
    pub(super) failure: Option<String>,
    /// Directory of its own results; only without a verdict.
    pub(super) output_dir: Option<PathBuf>,
}

impl Reports {
    /// The report of `finished_job`, whose results are in `output_dir`.
    pub(super) fn new(finished: &FinishedJob, output_dir: PathBuf) -> Self {
        let several = finished.record.shards.len() > 1;
        let job = &finished.record.job;
        let of_shard = |(index, shard): (usize, &ShardRecord)| {
            let dir = if several { output_dir.join("shards").join(index.to_string()) } else { output_dir.clone() };
            Report::new(job, shard, dir)
        };
        let shards: Vec<Report> = finished.record.shards.iter().enumerate().map(of_shard).collect();
        Self { job: job.id, verified: shards.iter().all(|shard| shard.verified), output_dir, shards }
    }

    /// The exit code: that of the shard with the most severe outcome.
    pub(super) fn exit(&self) -> Exit {
        let exits = self.shards.iter().map(Report::exit);
        exits
            .max_by_key(|exit| {
                [Exit::Success, Exit::Program, Exit::Unpublished, Exit::NoVerdict]
                    .iter()
                    .position(|known| known == exit)
            })
            .unwrap_or(Exit::Success)
    }
}

impl Report {
    /// The report of a shard, whose results are in `output_dir`.
    pub(super) fn new(job: &AnnouncedJob, shard: &ShardRecord, output_dir: PathBuf) -> Self {
        let asked = job.spec().deal.concurrency();
        let verdict = shard.verdict.clone().unwrap_or_else(|| {
            let absent = shard.executions.iter().map(|execution| execution.number).collect();
            Verdict::new(Rule::NoProposal, Vec::new(), absent, asked)
        });
        let chosen = shard.published.and_then(|number| shard.execution(number));
        let receipt = chosen.and_then(ExecutionRecord::receipt);
        let run = |execution| Run::new(execution, shard, &output_dir);
        Self {
            job: job.id,
            verified: receipt.is_some() && verdict.winner().is_some(),
            explanation: verdict.rule.explanation(),
            audit: Audit::of(shard),
            claim: receipt.as_ref().map(|receipt| receipt.claim.clone()),
            unclaimed: receipt.as_ref().map(|receipt| receipt.unclaimed.clone()),
            executions: shard.executions.iter().map(run).collect(),
            results_dir: receipt.as_ref().map(|_| output_dir.join("results")),
            receipt: receipt.as_ref().map(|_| output_dir.join("receipt.json")),
            notes: notes(receipt.as_ref(), &verdict),
            findings: shard.findings.clone(),
            output_dir,
            verdict,
        }
    }

    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        match &self.claim {
            None => Exit::NoVerdict,
            Some(_) if published(self.unclaimed.as_ref()).any(publications::has_failed) => Exit::Unpublished,
            Some(claim) if claim.outcome.is_success() => Exit::Success,
            Some(_) => Exit::Program,
        }
    }
}

impl Run {
    fn new(execution: &ExecutionRecord, shard: &ShardRecord, output_dir: &Path) -> Self {
        let own_dir = save_results::dir_of(shard, execution.number, output_dir).filter(|_| shard.published.is_none());
        Self {
            number: execution.number,
            node: execution.peer,
            operator: execution.operator.clone(),
            state: execution.state,
            h1: execution.h1.clone().filter(|h1| !h1.is_empty()),
            outcome: execution.outcome,
            fuel: execution.fuel,
            wall_ms: execution.receipt.as_ref().and_then(|receipt| receipt.unclaimed.wall_ms),
            failure: execution.why.clone(),
            output_dir: own_dir.filter(|_| execution.receipt.is_some()),
        }
    }
}

/// Places where a result was published.
pub(super) fn published(unclaimed: Option<&Unclaimed>) -> impl Iterator<Item = &Publication> {
    unclaimed.into_iter().flat_map(|unclaimed| &unclaimed.published)
}

/// The runtime's notes, and what to do when equal results have different claims.
fn notes(chosen: Option<&Receipt>, verdict: &Verdict) -> Vec<String> {
    let mut notes = chosen.map_or_else(Vec::new, |receipt| receipt.unclaimed.notes.clone());
    if chosen.is_some_and(|receipt| receipt.claim.job.profile == docker_profile()) {
        notes.push(CONTAINERS.into());
    }
    if verdict.groups.iter().any(|group| !group.faulty.is_empty() || !group.disputed.is_empty()) {
        notes.push(
            "correct runs with equal results have equal claims: a node or bacalhau has a bug; please report this"
                .into(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use bacalhau_runtime::{Job, Link, ResultFile, dirhash};

    use super::*;
    use crate::output::{Paint, Render};
    use crate::output_dir::OutputDir;
    use bacalhau_job::FailureKind;
    use bacalhau_job::{Deal, JobRecord, ShardState};
    use bacalhau_requester::findings;
    use bacalhau_testkit::jobs::job;
    use bacalhau_verify::{Content, Deterministic, Proposal, Verifier};

    /// A job after its end: each execution said something, or failed on its host where it is `None`. `spoil` changes
    /// claims before they are voted on.
    fn finish(
        dir: &Path,
        said: &[Option<&str>],
        spoil: impl Fn(&mut [ExecutionRecord]),
    ) -> Result<Report, (Exit, String)> {
        let place = OutputDir::plan(Some(&dir.join("out"))).unwrap();
        let count = u16::try_from(said.len()).unwrap();
        let mut job: AnnouncedJob = job(PeerId::random(), "report");
        job.request.request.spec.deal = Deal::new(count, 0).unwrap();
        let mut results = BTreeMap::new();
        let mut executions = Vec::new();
        for (number, said) in (1..).zip(said) {
            let own = place.staging().join(number.to_string());
            executions.push(execution(number, said.map(|said| (said, own.as_path()))));
            results.insert(number, own);
        }
        spoil(&mut executions);
        let mut record = JobRecord::new(job);
        let shard = &mut record.shards[0];
        shard.executions = executions;
        let proposals: Vec<Proposal<'_>> = shard.executions.iter().map(proposal).collect();
        let verdict = Deterministic.verify(Deal::new(count, 0).unwrap(), &proposals);
        shard.published = verdict.chosen();
        shard.state = if shard.published.is_some() { ShardState::Completed } else { ShardState::Failed };
        shard.findings = findings(&shard.executions, &verdict);
        shard.verdict = Some(verdict);
        results.retain(|_, dir| dir.is_dir());
        let finished = FinishedJob::of(record, vec![results]).map_err(|failure| (failure.exit, failure.message))?;
        let output_dir = save_results::keep(place, &finished).unwrap();
        Ok(Reports::new(&finished, output_dir).shards.remove(0))
    }

    fn execution(number: u16, said: Option<(&str, &Path)>) -> ExecutionRecord {
        let receipt = said.map(|(said, results)| {
            fs::create_dir(results).unwrap();
            fs::write(results.join("stdout"), said).unwrap();
            let job = Job::new(Link::of_raw(b""));
            let job_cid = job.cid().unwrap();
            let h1 = dirhash::hash_dir(results, "results").unwrap().h1;
            let files = vec![ResultFile { name: "stdout".into(), bytes: said.len() as u64, sha256: "00".into() }];
            Receipt::new(Claim::new(job, job_cid, Outcome::Exit(0), 1, h1, files), Unclaimed::default())
        });
        let mut execution = ExecutionRecord {
            number,
            peer: PeerId::random(),
            operator: None,
            state: if receipt.is_some() { ExecutionState::Proposed } else { ExecutionState::Failed },
            accepted_ms: 0,
            ended_ms: Some(1),
            h1: None,
            claim: None,
            outcome: None,
            fuel: None,
            why: receipt.is_none().then(|| "the disk is full".into()),
            receipt,
            calls: None,
            publications: Vec::new(),
            memo: bacalhau_job::ExecutionMemo::default(),
        };
        if execution.receipt.is_none() {
            execution.memo.failure = Some(FailureKind::Host);
        }
        propose(&mut execution);
        execution
    }

    /// Makes the proposal that of the receipt.
    fn propose(execution: &mut ExecutionRecord) {
        if let Some(receipt) = &execution.receipt {
            execution.h1 = Some(receipt.claim.h1.clone());
            execution.claim = Some(Link::of_dag_cbor(&receipt.claim.to_dag_cbor()));
            execution.outcome = Some(receipt.claim.outcome);
            execution.fuel = Some(receipt.claim.fuel);
        }
    }

    fn proposal(execution: &ExecutionRecord) -> Proposal<'_> {
        let content = match (&execution.h1, execution.claim) {
            (Some(h1), Some(claim)) => Content::Vote { h1, claim },
            _ => Content::Absent,
        };
        Proposal { execution: execution.number, content }
    }

    fn claim_of(executions: &mut [ExecutionRecord], number: usize, change: impl Fn(&mut Claim)) {
        let execution = &mut executions[number - 1];
        change(&mut execution.receipt.as_mut().unwrap().claim);
        propose(execution);
    }

    const TRUTH: Option<&str> = Some("truth\n");
    const LIE: Option<&str> = Some("lie\n");

    #[test]
    fn a_majority_wins_and_the_others_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let report = finish(dir.path(), &[LIE, TRUTH, TRUTH, None], |_| ()).unwrap();
        assert_eq!(report.exit(), Exit::Success);
        assert_eq!(fs::read_to_string(dir.path().join("out/results/stdout")).unwrap(), "truth\n");
        assert!(!dir.path().join("out/executions").exists());
        let table = report.table(Paint::for_stdout());
        assert!(table.contains("verified: 2 of 4 independent runs agree"), "{table}");
        assert!(table.contains("from runs 2, 3\n") && table.contains("from run 1\n"), "{table}");
        assert!(table.contains("no result from run 4: ") && table.contains("the disk is full"), "{table}");
        assert!(table.contains("differs    run 1: "), "{table}");
        assert!(table.ends_with("stdout:\n  truth\n"), "{table}");
    }

    #[test]
    fn without_a_verdict_each_run_is_kept_and_none_stands() {
        let dir = tempfile::tempdir().unwrap();
        let report = finish(dir.path(), &[TRUTH, LIE, None], |_| ()).unwrap();
        assert_eq!(report.exit(), Exit::NoVerdict);
        assert!(!dir.path().join("out/results").exists() && !dir.path().join("out/receipt.json").exists());
        for (number, said) in [(1, "truth\n"), (2, "lie\n")] {
            let own = dir.path().join(format!("out/executions/{number}"));
            assert_eq!(fs::read_to_string(own.join("results/stdout")).unwrap(), said);
            Receipt::parse(&fs::read(own.join("receipt.cbor")).unwrap()).unwrap();
        }
        assert!(!dir.path().join("out/executions/3").exists());
        let table = report.table(Paint::for_stdout());
        assert!(table.contains("no verdict: no two runs have the same result"), "{table}");
        assert!(table.contains("(one directory a run)"), "{table}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["claim"], &json["receipt"]), (&serde_json::Value::Null, &serde_json::Value::Null));
        assert!(json["executions"][1]["output_dir"].is_string() && json["executions"][2]["output_dir"].is_null());
        drop(OutputDir::plan(Some(&dir.path().join("out"))).unwrap());
    }

    #[test]
    fn faulty_runs_are_named_and_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let report = finish(dir.path(), &[TRUTH; 5], |executions| {
            claim_of(executions, 1, |claim| claim.fuel = 123);
            claim_of(executions, 4, |claim| {
                claim.outcome = Outcome::Exit(3);
                claim.files[0].name = "\x1b[31m".into();
            });
        });
        let report = report.unwrap();
        assert_eq!((report.exit(), report.verified), (Exit::Success, true));
        assert_eq!(report.claim.as_ref().unwrap().fuel, 1, "the result that stands is not that of the first run");
        let table = report.table(Paint::for_stdout());
        let verdict = "verdict    verified: 3 of 5 independent runs agree (the largest group of equal results wins)\n\
            runs       5 asked, 5 with a result\n\
            faulty     run 1: fuel 123 instead of 1\n\
            faulty     run 4: outcome exit 3 instead of exit 0, file \\u{1b}[31m 6 bytes, sha256 00 instead of absent, \
            file stdout absent instead of 6 bytes, sha256 00\n\
            h1         ";
        assert!(table.contains(verdict), "{table}");
        assert!(table.contains("note       correct runs with equal results have equal claims: "), "{table}");
        let json = serde_json::to_value(&report).unwrap();
        let fuel = serde_json::json!({"what": "fuel", "expected": "1", "found": "123"});
        assert_eq!(json["verdict"]["groups"][0]["executions"], serde_json::json!([2, 3, 5]));
        assert_eq!(json["verdict"]["groups"][0]["faulty"], serde_json::json!([1, 4]));
        assert_eq!(json["findings"][0]["differences"], serde_json::json!([fuel]));
        assert_eq!(json["executions"][0]["fuel"], 123);
    }

    #[test]
    fn a_faulty_claim_is_shown_in_part_when_all_of_it_is_long() {
        let dir = tempfile::tempdir().unwrap();
        let report = finish(dir.path(), &[TRUTH; 3], |executions| {
            claim_of(executions, 2, |claim| {
                claim.fuel = 2;
                claim.files = (0..9).map(|n| ResultFile { name: n.to_string(), ..claim.files[0].clone() }).collect();
            });
        });
        let table = report.unwrap().table(Paint::for_stdout());
        let line = "faulty     run 2: fuel 2 instead of 1, file 0 6 bytes, sha256 00 instead of absent, \
            file 1 6 bytes, sha256 00 instead of absent, and 8 more\n";
        assert!(table.contains(line), "{table}");
    }

    #[test]
    fn where_nobody_can_tell_who_is_faulty_there_is_no_verdict() {
        let dir = tempfile::tempdir().unwrap();
        let report = finish(dir.path(), &[TRUTH; 2], |executions| claim_of(executions, 2, |claim| claim.fuel = 2));
        let report = report.unwrap();
        assert_eq!(report.exit(), Exit::NoVerdict);
        let table = report.table(Paint::for_stdout());
        let verdict = "verdict    no verdict: claims inside the largest group are tied\n\
            runs       2 asked, 2 with a result\n\
            disputed   run 2: fuel 2 where run 1 has 1\n";
        assert!(table.contains(verdict), "{table}");
        assert!(dir.path().join("out/executions/2/receipt.json").exists(), "both are kept to be looked at");
    }

    #[test]
    fn one_run_is_never_called_verified() {
        let dir = tempfile::tempdir().unwrap();
        let report = finish(dir.path(), &[TRUTH], |_| ()).unwrap();
        assert!(!report.verified);
        assert_eq!(report.exit(), Exit::Success);
        assert!(report.table(Paint::for_stdout()).contains("not verified: a single run cannot be verified"));
    }

    #[test]
    fn where_nobody_came_to_a_result_there_is_only_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let (exit, why) = finish(dir.path(), &[None, None], |_| ()).unwrap_err();
        assert_eq!(exit, Exit::Host);
        assert!(why.ends_with("the disk is full"), "{why}");
        let refused = |executions: &mut [ExecutionRecord]| {
            for execution in executions {
                execution.memo.failure = Some(FailureKind::Refused);
                execution.why = Some("there is no such function".into());
            }
        };
        let end = finish(dir.path(), &[None, None], refused).unwrap_err();
        assert_eq!(end, (Exit::Refused, "there is no such function".into()));
    }
}
