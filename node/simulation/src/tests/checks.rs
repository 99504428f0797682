//! The checks themselves: what must not be is found.

use super::*;
use crate::Behaviour;
use crate::checks::Checks;
use bacalhau_job::{JobRecord, ShardState};

/// What is found wrong with the record of a job that went well, once `change` is done to it.
fn found(change: impl FnOnce(&mut JobRecord)) -> Vec<String> {
    let mut record = run(&Config { seed: seed(1), ..Config::default() }).records.remove(0);
    let (mut checks, mut report) = (Checks::default(), Report::default());
    for execution in &record.shards[0].executions {
        checks.knows(execution.peer, Behaviour::Honest);
    }
    let published = record.shards[0].published.unwrap();
    checks.collected(record.job.id.execution(0, published));
    change(&mut record);
    let mut wrong = checks.quorum(&record);
    checks.record(&record, &mut report);
    wrong.append(&mut report.violations);
    wrong
}

#[test]
fn what_must_not_be_is_found() {
    assert_eq!(found(|_| {}), Vec::<String>::new());
    let one_finds = |words: &str, change: fn(&mut JobRecord)| {
        let found = found(change);
        assert!(found.iter().any(|wrong| wrong.contains(words)), "{words}: {found:?}");
    };
    one_finds("are not a quorum", |record| record.shards[0].verdict.as_mut().unwrap().groups[0].executions.truncate(2));
    one_finds("does not agree", |record| record.shards[0].verdict.as_mut().unwrap().groups[0].h1 = "h1:other".into());
    one_finds("won against 3 honest runs", |record| {
        let shard = &mut record.shards[0];
        shard.verdict.as_mut().unwrap().groups[0].h1 = "h1:other".into();
        for execution in &mut shard.executions {
            execution.h1 = Some("h1:other".into());
        }
    });
    one_finds("a node runs it twice", |record| {
        record.shards[0].executions[1].peer = record.shards[0].executions[0].peer;
    });
    one_finds("without matching the vote", |record| record.shards[0].published = Some(9));
    one_finds("completed without a publication", |record| record.shards[0].published = None);
    one_finds("failed for no reason", |record| record.shards[0].state = ShardState::Failed);
    one_finds("has ended at no time", |record| record.ended_ms = None);
}

#[test]
fn a_second_verdict_is_found() {
    let record = run(&Config { seed: seed(1), ..Config::default() }).records.remove(0);
    let (mut checks, mut report) = (Checks::default(), Report::default());
    checks.record(&record, &mut report);
    report.violations.clear();
    let mut other = record;
    other.shards[0].verdict.as_mut().unwrap().groups[0].executions.pop();
    checks.record(&other, &mut report);
    assert!(report.violations.iter().any(|wrong| wrong.contains("two verdicts")), "{:?}", report.violations);
}
