//! What time does: too few bids, silence, results that do not come.

use super::world::*;
use crate::{Effect, Input};
use bacalhau_job::{Deal, EventKind, ExecutionState, JobState, Rule, VerifierKind};
use bacalhau_protocol::{Decline, Later, Message};

#[test]
fn too_few_bids_fail_the_job_with_what_came() {
    let mut world = World::new(job(3, 0, 7));
    world.bids(0..2);
    let effects = world.wait(29_999);
    let announced = effects.iter().filter(|effect| matches!(effect, Effect::Announce(_))).count();
    assert_eq!(announced, 14, "every two seconds");
    assert_eq!(world.record().state, JobState::Bidding);
    assert_eq!(world.texts(EventKind::Stalled), ["bids 2/7: waiting for providers"]);
    let effects = world.wait(1);
    assert_eq!(sent(&effects, |message| matches!(message, Message::Reject(_))).len(), 2);
    let why = "bids 2/7 after 30 s: not enough providers offered to run it";
    assert_eq!((world.record().state, world.shard().why.as_deref()), (JobState::Failed, Some(why)));
    assert_eq!(world.ended, 1);
}

#[test]
fn providers_have_to_hold_inputs_only_where_there_are_some() {
    let input = bacalhau_job::InputSpec { source: "data:,x".into(), target: "/inputs/x".into() };
    for (inputs, waits) in [(vec![], "providers"), (vec![input], "providers that hold the inputs")] {
        let mut job = job(3, 0, 3);
        job.shards = vec![inputs];
        let mut world = World::new(job);
        world.wait(29_999);
        assert_eq!(world.texts(EventKind::Stalled), [format!("bids 0/3: waiting for {waits}")]);
    }
}

#[test]
fn a_concurrency_that_is_not_reached_fails_the_job() {
    let mut world = World::new(job(5, 0, 1));
    world.bids(0..2);
    let effects = world.wait(30_000);
    assert_eq!(sent(&effects, |message| matches!(message, Message::Cancel(_))).len(), 2, "they need not go on");
    let why = "accepted 2/5 after 30 s: not enough providers offered to run it; ask for fewer runs with -c or \
               --min-runs 2";
    assert_eq!(world.shard().why.as_deref(), Some(why));
}

#[test]
fn fewer_runs_than_asked_for_are_no_result_even_where_they_all_agree() {
    let mut world = World::new(job(5, 0, 1));
    world.bids(0..3);
    for number in 1..4 {
        world.vote(number, "h1:a");
    }
    world.wait(29_999);
    assert!(world.shard().verdict.is_none(), "two more may yet bid");
    world.wait(1);
    assert_eq!((world.record().state, world.shard().verdict.as_ref()), (JobState::Failed, None));
    let why = world.shard().why.clone().unwrap();
    assert!(why.starts_with("accepted 3/5 after 30 s: ") && why.ends_with("with -c or --min-runs 3"), "{why}");
}

#[test]
fn fewer_runs_are_a_result_where_the_job_accepts_them_and_the_verdict_has_both_numbers() {
    let with_min_runs = |min_runs| {
        let deal = Deal::new(5, 0).unwrap().with_min_runs(min_runs).unwrap();
        let mut world = World::new(job_of(deal, VerifierKind::Deterministic, 1));
        world.bids(0..3);
        for number in 1..4 {
            world.vote(number, "h1:a");
        }
        world.wait(29_999);
        assert!(world.shard().verdict.is_none(), "what was asked for is looked for as long as bids are taken");
        world.wait(1);
        world
    };
    let world = with_min_runs(4);
    assert_eq!((world.record().state, world.shard().verdict.as_ref()), (JobState::Failed, None));
    let mut world = with_min_runs(3);
    world.wait(1_000);
    let verdict = world.shard().verdict.clone().unwrap();
    assert_eq!((verdict.rule, verdict.asked, verdict.had), (Rule::LargestGroup, 5, 3));
    assert_eq!(verdict.runs_in_words().unwrap(), "5 asked, 3 with a result");
    // A busy provider is not waited for where there are enough runs without it.
    let deal = Deal::new(3, 0).unwrap().with_min_runs(2).unwrap();
    let mut world = World::new(job_of(deal, VerifierKind::Deterministic, 1));
    world.bids(0..2);
    let later = Some(Later { ahead: 1, in_ms: None });
    world.say(peer(7), Message::Decline(Decline { job: world.job, reason: "full".into(), later }));
    world.vote(1, "h1:a");
    world.vote(2, "h1:a");
    world.wait(31_000);
    assert_eq!(world.shard().verdict.as_ref().map(|verdict| (verdict.asked, verdict.had)), Some((3, 2)));
}

#[test]
fn who_is_silent_is_replaced_and_who_gives_signs_of_life_is_not() {
    let mut world = World::new(job(1, 0, 2));
    world.bids(0..2);
    for _ in 0..6 {
        world.running(1);
        world.wait(59_000);
    }
    assert_eq!(world.execution(1).state, ExecutionState::Running);
    let effects = world.wait(1_000);
    assert_eq!(world.execution(1).why.as_deref(), Some("silent for 60 s"));
    // The other bid is from six minutes ago, and nobody keeps room for so long.
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Announce(_))), "{effects:?}");
    assert_eq!(sent(&effects, |message| matches!(message, Message::Accept(_))), []);
    let effects = world.bids(0..2);
    assert_eq!(sent(&effects, |message| matches!(message, Message::Accept(_))), [world.peer_of(2)]);
    let late = world.vote(1, "h1:late");
    assert_eq!((late, world.execution(1).h1.clone()), (vec![], None));
}

#[test]
fn time_in_which_the_requester_did_not_listen_is_not_the_silence_of_providers() {
    let mut world = World::new(job(2, 0, 2));
    world.bids(0..2);
    world.running(1);
    world.running(2);
    // Its disk took five minutes; heartbeats of both are in its mailbox, and the first of them is handled.
    world.now += 300_000;
    world.feed(Input::HeldUp { ms: 300_000 });
    world.running(1);
    world.feed(Input::Tick);
    assert_eq!(world.execution(2).state, ExecutionState::Running);
    world.wait(59_999);
    assert_eq!(world.execution(2).state, ExecutionState::Running);
    world.wait(1);
    assert_eq!(world.execution(2).why.as_deref(), Some("silent for 60 s"));
}

#[test]
fn signs_of_life_are_no_result() {
    let mut world = World::new(job(1, 0, 1));
    world.bid(0);
    for _ in 0..22 {
        world.running(1);
        world.wait(30_000);
    }
    assert_eq!(world.record().state, JobState::InProgress, "somebody else may want to run it");
    world.wait(30_000);
    assert_eq!(
        world.shard().why.as_deref(),
        Some("no run has a result: execution 1: no result in time: the job allows 600 s")
    );
}

#[test]
fn a_winner_that_does_not_publish_is_named_and_replaced() {
    let mut world = World::new(job(3, 0, 3));
    world.bids(0..3);
    for number in 1..4 {
        world.vote(number, "h1:a");
    }
    let effects = world.wait(600_000);
    assert_eq!(notices(&effects), [(2, true, true)]);
    world.publish(2, dag());
    let effects = world.collected(2, Err("its hash is h1:x".into()));
    assert_eq!(notices(&effects), [(3, true, true)]);
    let effects = world.publish(1, dag());
    assert_eq!(effects, [], "it had its time");
    world.publish(3, Err("disk full".into()));
    world.wait(5_000);
    let why = "no winner published its results: \
        execution 1: it published no fetchable results in 600 s; \
        execution 2: its publication is invalid: its hash is h1:x; \
        execution 3: it could not publish: disk full";
    assert_eq!((world.record().state, world.shard().why.as_deref()), (JobState::Failed, Some(why)));
}

#[test]
fn the_reason_for_waiting_is_said_once() {
    let mut world = World::new(job(2, 0, 2));
    world.bids(0..2);
    world.running(1);
    world.vote(2, "h1:a");
    for _ in 0..40 {
        world.running(1);
        world.wait(1_000);
    }
    let name = world.peer_of(1).to_string();
    let expected = format!("proposals 1/2: waiting for 12D3…{} (running for 5 s)", &name[name.len() - 6..]);
    assert_eq!(world.texts(EventKind::Stalled), [expected.as_str()]);
    assert_eq!(world.shard().why.as_deref(), Some(expected.as_str()));
    world.vote(1, "h1:b");
    assert_ne!(world.shard().why.as_deref(), Some(expected.as_str()));
}

#[test]
fn a_result_waits_for_receipts_for_five_seconds_and_not_longer() {
    let mut world = World::new(job(2, 0, 2));
    world.bids(0..2);
    world.vote(1, "h1:a");
    world.vote(2, "h1:a");
    world.show(1);
    world.publish(1, dag());
    world.collected(1, Ok(()));
    world.wait(4_999);
    assert_eq!(world.record().state, JobState::InProgress);
    world.wait(1);
    assert_eq!(world.record().state, JobState::Completed);
}
