//! Busy providers: what they say when they would run a job and have no capacity.

use super::*;
use bacalhau_protocol::{Decline, Later};

/// An announcement of a requester that takes estimates.
fn patient(job: &Arc<AnnouncedJob>) -> Input {
    Input::Announced { job: Arc::clone(job).into(), versions: versions().taking_later() }
}

/// The estimates that are sent.
fn laters(effects: &[Effect]) -> Vec<Later> {
    let later = |effect: &Effect| match effect {
        Effect::SendOnce { message: Message::Decline(Decline { reason, later, .. }), .. } => {
            assert_eq!(reason, "full");
            *later
        }
        _ => None,
    };
    effects.iter().filter_map(later).collect()
}

/// A job that is announced and needs all of a core.
fn next_job(provider: &mut Compute, now: u64) -> (Arc<AnnouncedJob>, Vec<Effect>) {
    let job = job(peer(), 1);
    provider.handle(now, patient(&job));
    let effects = provider.handle(now, assessed(&job, NEED));
    (job, effects)
}

#[test]
fn a_busy_provider_says_its_queue_and_when_without_a_question_for_reasons() {
    let mut provider = provider();
    let (first, effects) = next_job(&mut provider, 0);
    assert_eq!((bids(&effects), laters(&effects)), (vec![0], Vec::new()));
    provider.handle(0, accept(&first, 0, 1));
    let (second, effects) = next_job(&mut provider, 0);
    assert_eq!(bids(&effects), [0]);
    provider.handle(0, accept(&second, 0, 1));
    let (_, effects) = next_job(&mut provider, 10);
    assert_eq!(laters(&effects), [Later { ahead: 0, in_ms: None }], "no execution has ended yet");
    let (fourth, effects) = next_job(&mut provider, 10);
    assert_eq!(laters(&effects), [Later { ahead: 1, in_ms: None }]);
    assert_eq!(laters(&provider.handle(11, patient(&fourth))), [], "it was told a moment ago");
    // An execution of 4 s ends, so that the third job is bid for.
    assert_eq!(bids(&provider.handle(4_000, ran(first.id.execution(0, 1)))), [0]);
    let again = provider.handle(5_010, patient(&fourth));
    assert_eq!(laters(&again), [Later { ahead: 0, in_ms: Some(4_000) }]);
}

#[test]
fn a_requester_without_estimates_is_told_nothing_new() {
    let mut provider = provider();
    for _ in 0..2 {
        let (job, _) = next_job(&mut provider, 0);
        provider.handle(0, accept(&job, 0, 1));
    }
    let job = job(peer(), 1);
    provider.handle(1, announced(&job));
    assert_eq!(provider.handle(1, assessed(&job, NEED)), []);
    let asking = Input::Announced { job: job.into(), versions: versions().asking(bacalhau_protocol::ALL_NODES) };
    let [Effect::SendOnce { message: Message::Decline(decline), .. }] = &provider.handle(2, asking)[..] else {
        panic!("it is asked for reasons")
    };
    assert_eq!((decline.reason.as_str(), decline.later), ("full", None));
}

#[test]
fn shards_that_wait_while_others_run_are_told_and_run_after_the_job_was_over_here() {
    let (mut provider, job) = (provider(), job(peer(), 3));
    provider.handle(0, patient(&job));
    let effects = provider.handle(0, assessed(&job, NEED));
    assert_eq!((bids(&effects), laters(&effects).len()), (vec![0, 1], 1));
    provider.handle(1, accept(&job, 0, 1));
    provider.handle(1, accept(&job, 1, 1));
    provider.handle(40_000, Input::Tick);
    for shard in [0, 1] {
        let execution = job.id.execution(shard, 1);
        assert_eq!(bids(&provider.handle(50_000, ran(execution))), [0_u32; 0], "the bidding is over");
        provider.handle(50_000, says(job.requester.peer, Message::Collected(Collected { execution })));
    }
    assert_nothing_left(&mut provider, &job);
    provider.handle(60_000, patient(&job));
    assert_eq!(bids(&provider.handle(60_000, assessed(&job, NEED))), [2], "the others ran here");
}
