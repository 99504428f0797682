//! Each way of cheating by name: what it comes to, and what the record says of whom.

use std::collections::BTreeSet;

use super::*;
use crate::Behaviour;
use crate::behaviour::truth;
use bacalhau_job::{ExecutionState, JobState, Rule};

/// What becomes of some jobs on `providers` nodes, of which the first cheat.
struct Case {
    cheats: &'static [(Behaviour, usize)],
    providers: usize,
    /// Concurrency and confidence.
    deal: (u16, u16),
    state: JobState,
    rule: Rule,
    /// What the record says of an execution of a cheat, at least once.
    says: Option<&'static str>,
}

const JOBS: usize = 8;

fn play(case: &Case) -> Report {
    let (concurrency, confidence) = case.deal;
    let config = Config {
        // One with which each cheat gets to do what it does.
        seed: seed(2),
        nodes: 1 + case.providers,
        holders: case.providers,
        jobs: JOBS,
        submitting_ms: 600_000,
        deal: super::super::jobs::deal(concurrency, confidence, u16::try_from(case.providers).unwrap()),
        behaviours: case.cheats.to_vec(),
        ..Config::default()
    };
    let report = run(&config);
    assert_eq!(report.jobs.get(&case.state), Some(&JOBS), "{:?}: {report}", case.cheats);
    report
}

/// What the records say of executions, and whether of those of cheats.
fn said(report: &Report) -> impl Iterator<Item = (bool, &str, ExecutionState)> {
    let executions = report.records.iter().flat_map(|record| &record.shards[0].executions);
    executions.map(|execution| {
        let cheats = report.cheats.contains_key(&execution.peer);
        (cheats, execution.why.as_deref().unwrap_or_default(), execution.state)
    })
}

fn check(case: &Case) {
    let report = play(case);
    for record in &report.records {
        let shard = &record.shards[0];
        let verdict = shard.verdict.as_ref().unwrap();
        assert_eq!(verdict.rule, case.rule, "{:?}: {shard:?}", case.cheats);
        if let Some(winner) = verdict.winner() {
            assert_eq!(winner.h1, truth(&record.job.id, 0), "{:?}", case.cheats);
        } else {
            assert!(shard.why.as_ref().unwrap().contains(case.rule.explanation()), "{:?}", shard.why);
        }
    }
    if let Some(says) = case.says {
        let named: BTreeSet<bool> =
            said(&report).filter(|(_, why, _)| why.contains(says)).map(|(cheats, _, _)| cheats).collect();
        assert_eq!(named, BTreeSet::from([true]), "{:?}: {says}", case.cheats);
    }
    for (cheats, why, state) in said(&report) {
        assert!(cheats || state != ExecutionState::Failed, "{:?}: an honest node is blamed: {why}", case.cheats);
    }
}

/// A case in which the honest nodes win.
fn withstood(cheats: &'static [(Behaviour, usize)], providers: usize, deal: (u16, u16)) -> Case {
    Case { cheats, providers, deal, state: JobState::Completed, rule: Rule::LargestGroup, says: None }
}

#[test]
fn a_liar_is_outvoted() {
    check(&withstood(&[(Behaviour::WrongResult, 1)], 5, (5, 4)));
    check(&withstood(&[(Behaviour::WrongResult, 3)], 5, (5, 2)));
}

#[test]
fn colluding_liars_win_nothing_unless_they_are_more() {
    check(&withstood(&[(Behaviour::Colluder, 2)], 5, (5, 3)));
    let failed =
        |cheats, providers, deal, rule| Case { state: JobState::Failed, rule, ..withstood(cheats, providers, deal) };
    check(&failed(&[(Behaviour::Colluder, 2)], 4, (4, 2), Rule::Draw));
    check(&failed(&[(Behaviour::Colluder, 3)], 5, (5, 4), Rule::BelowConfidence));
    check(&failed(&[(Behaviour::WrongResult, 2)], 3, (3, 2), Rule::Alone));
}

/// What no vote can withstand, and the threat model says so.
#[test]
fn more_colluders_than_honest_nodes_win() {
    let report = play(&withstood(&[(Behaviour::Colluder, 3)], 5, (5, 3)));
    for record in &report.records {
        let verdict = record.shards[0].verdict.as_ref().unwrap();
        assert!(verdict.winner().unwrap().h1.starts_with("h1:collusion"), "{verdict:?}");
    }
}

#[test]
fn a_copied_proposal_counts_as_none() {
    let says = Some("its proposal was sealed for another execution");
    check(&Case { says, ..withstood(&[(Behaviour::Copycat, 1)], 5, (5, 4)) });
}

#[test]
fn a_replayed_proposal_counts_as_none() {
    let says = Some("its proposal was sealed for another execution");
    check(&Case { says, ..withstood(&[(Behaviour::Replayer, 1)], 5, (5, 4)) });
}

#[test]
fn who_is_silent_is_replaced() {
    let says = Some("silent for 60 s");
    check(&Case { says, ..withstood(&[(Behaviour::SilentAfterBid, 1)], 3, (2, 2)) });
}

#[test]
fn who_is_too_slow_is_replaced() {
    let says = Some("no result in time: the job allows 60 s");
    check(&Case { says, ..withstood(&[(Behaviour::Slow, 1)], 3, (2, 2)) });
}

#[test]
fn who_publishes_something_else_is_replaced() {
    let says = Some("its publication is invalid: hashes to h1:something-else");
    check(&Case { says, ..withstood(&[(Behaviour::WrongPublisher, 1)], 5, (5, 4)) });
}

#[test]
fn who_says_two_things_is_named() {
    let says = Some("equivocation: two different proposals for one execution");
    check(&Case { says, ..withstood(&[(Behaviour::Equivocator, 1)], 5, (5, 4)) });
}

#[test]
fn a_flood_changes_nothing() {
    // What it says of its own execution is believed, and may cost it its vote.
    let case = withstood(&[(Behaviour::Flooder, 1)], 5, (5, 4));
    check(&case);
    for record in &play(&case).records {
        assert_eq!(record.shards[0].bids.len(), 5, "{record:?}");
    }
}
