//! The process ends at any point; another one takes up the records.

use super::*;
use crate::Task;

/// What a new process makes of the record of `job`.
fn restarted(provider: &mut Compute, job: &AnnouncedJob, now: u64) -> (Compute, Vec<Effect>) {
    assert!(provider.take_changes().contains(&job.id));
    let record = provider.record(&job.id).unwrap();
    let mut next = Compute::new(provider.me, versions(), config(), Arc::new(Open::default()));
    let effects = next.restore(now, vec![record.clone()]).unwrap();
    assert!(next.take_changes().contains(&job.id));
    (next, effects)
}

#[test]
fn a_bid_stands_again_while_it_can_be_answered() {
    let (mut provider, job) = after_bid();
    let (mut next, effects) = restarted(&mut provider, &job, 10_000);
    assert_eq!(bids(&effects), [0]);
    let effects = next.handle(10_001, accept(&job, 0, 1));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Task(Task::Run { .. }))), "{effects:?}");
    let (mut next, effects) = restarted(&mut after_bid_of(&job), &job, 35_000);
    assert_eq!(effects, []);
    assert_eq!(next.ledger.reserved(), amount(0));
    assert_eq!(next.record(&job.id), None);
    assert!(matches!(&sent(&job, &next.handle(35_000, accept(&job, 0, 1)))[..], [Message::Failed(_)]));
}

fn after_bid_of(job: &Arc<AnnouncedJob>) -> Compute {
    let mut provider = provider();
    provider.handle(0, announced(job));
    provider.handle(0, assessed(job, NEED));
    provider
}

#[test]
fn what_ran_is_run_again() {
    let (mut provider, job, execution) = while_it_runs();
    let (mut next, effects) = restarted(&mut provider, &job, 100_000);
    assert!(effects.contains(&Effect::Task(Task::Run { execution, job: Arc::clone(&job) })));
    assert_eq!(sent(&job, &effects), [Message::Running(Running { execution })]);
    assert_eq!(next.ledger.reserved(), amount(NEED));
    assert_eq!(sent(&job, &next.handle(100_001, ran(execution))).len(), 1);
}

#[test]
fn the_same_proposal_is_sent_again_and_never_another() {
    let (mut provider, job, execution, proposal) = after_proposal();
    let (mut next, effects) = restarted(&mut provider, &job, 100);
    assert_eq!(sent(&job, &effects), std::slice::from_ref(&proposal));
    assert_eq!(sent(&job, &next.handle(101, accept(&job, 0, 1))), [proposal]);
    assert_eq!(next.handle(102, ran(execution)), []);
    assert_eq!(next.ledger.reserved(), Resources { disk_bytes: NEED, ..amount(0) });
}

#[test]
fn publishing_is_begun_again_and_its_end_said_again() {
    let (mut provider, job, execution, _) = after_proposal();
    let notice = VerdictNotice { execution, won: true, publish: true, evidence: true };
    provider.handle(3, says(job.requester.peer, Message::Verdict(notice)));
    let (mut next, effects) = restarted(&mut provider, &job, 100);
    let publish = Effect::Task(Task::Publish { execution, job: Arc::clone(&job), h1: "h1:result".into() });
    assert!(effects.contains(&publish));
    assert!(sent(&job, &effects).iter().any(|message| matches!(message, Message::Evidence(_))));
    let done = Input::Published { execution, result: Ok((Delivery::Directory("/r".into()), Vec::new())) };
    let published = sent(&job, &next.handle(101, done));
    let (_, effects) = restarted(&mut next, &job, 200);
    assert!(!effects.contains(&publish));
    assert!(sent(&job, &effects).contains(&published[0]));
}

#[test]
fn a_node_that_has_shrunk_gives_up_what_it_cannot_run() {
    let (provider, job, execution) = while_it_runs();
    let record = provider.record(&job.id).unwrap();
    let small = ComputeConfig { total: amount(1), ..config() };
    let mut next = Compute::new(provider.me, versions(), small, Arc::new(Open::default()));
    let effects = next.restore(100, vec![record]).unwrap();
    assert!(matches!(&sent(&job, &effects)[..], [Message::Failed(failed)] if failed.kind == FailureKind::Withdrawn));
    assert!(effects.contains(&Effect::Task(Task::Discard(execution))));
    assert_nothing_left(&mut next, &job);
}

#[test]
fn a_record_of_another_program_is_an_error_in_words() {
    let error = provider().restore(0, vec![b"\xa0".to_vec()]).unwrap_err().to_string();
    assert!(error.contains("is unreadable"), "{error}");
}
