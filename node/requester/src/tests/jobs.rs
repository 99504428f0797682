//! Jobs that go as they should, with the truth table of the vote as a requester meets it.

use super::world::*;
use crate::Task;
use crate::{Effect, draw};
use bacalhau_job::{Deal, EventKind, ExecutionState, JobState, Rule, ShardState, VerifierKind};
use bacalhau_protocol::Message;

#[test]
fn a_job_from_bids_to_a_result_that_stands() {
    let mut world = World::new(job(3, 2, 4));
    assert_eq!(world.bids(0..3), [], "nothing is accepted before the fourth bid");
    let effects = world.bid(3);
    let accepted = sent(&effects, |message| matches!(message, Message::Accept(_)));
    let order = draw(&world.job, 0, 1, &[peer(3), peer(1), peer(0), peer(2)]);
    assert_eq!(accepted, order[..3], "anybody can repeat the draw");
    assert_eq!(world.record().state, JobState::InProgress);
    world.running(1);
    assert_eq!(world.vote(1, "h1:a"), []);
    assert_eq!(world.vote(3, "h1:a"), [], "two against one: there may be a third, and a moment is waited for it");
    let effects = world.vote(2, "h1:b");
    assert_eq!(notices(&effects), [(1, true, true), (2, false, false), (3, true, false)]);
    assert_eq!(sent(&effects, |message| matches!(message, Message::Reject(_))), order[3..]);
    for number in 1..4 {
        world.show(number);
    }
    let effects = world.publish(1, dag());
    let Effect::Task(Task::Collect { h1, peer, .. }) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!((h1.as_str(), *peer), ("h1:a", order[0]));
    let effects = world.collected(1, Ok(()));
    let collected = sent(&effects, |message| matches!(message, Message::Collected(_)));
    assert_eq!(collected, [order[0], order[2]], "the one that published, and the other one that won");
    assert_eq!(effects.last(), Some(&Effect::Task(Task::Ended(world.job))));
    assert_eq!((world.record().state, world.shard().published), (JobState::Completed, Some(1)));
    assert_eq!(world.execution(2).state, ExecutionState::Lost);
    let finding = &world.shard().findings[0];
    assert_eq!((finding.execution, finding.against, finding.differences[0].what.as_str()), (2, 1, "h1"));
    assert_eq!(world.texts(EventKind::Bid), ["bids 1/4", "bids 2/4", "bids 3/4", "bids 4/4"]);
    assert_eq!(world.texts(EventKind::Accepted), ["accepted 1/3", "accepted 2/3", "accepted 3/3"]);
    assert_eq!(world.texts(EventKind::Proposed), ["proposals 1/3", "proposals 2/3", "proposals 3/3"]);
    assert_eq!(world.texts(EventKind::Verdict), ["verdict: 2 of 3 agree: the largest group of equal results wins"]);
    assert_eq!(world.texts(EventKind::Ended(JobState::Completed)), ["Completed"]);
    world.machine.forget_ended();
    assert!(world.machine.record(&world.job).is_none() && world.machine.deadline().is_none());
}

/// One letter an execution, in order: `a`, `b`, `c` are hashes, `?` cannot be read, `-` fails.
fn play(world: &mut World, votes: &str) {
    let bidders = u8::try_from(votes.len()).unwrap();
    world.bids(0..bidders);
    for (number, vote) in (1..).zip(votes.chars()) {
        match vote {
            '?' => world.propose(number, b"not a ballot".to_vec()),
            '-' => world.say(world.peer_of(number), failed(world, number, "disk full")),
            hash => world.vote(number, &format!("h1:{hash}")),
        };
    }
    world.wait(2_000);
}

fn failed(world: &World, number: u16, why: &str) -> Message {
    let execution = world.job.execution(0, number);
    Message::Failed(bacalhau_protocol::Failed { execution, kind: bacalhau_job::FailureKind::Host, why: why.into() })
}

#[test]
fn the_truth_table_as_a_requester_meets_it() {
    let table = [
        ("a", 0, Rule::OneRun, 1),
        ("aaa", 0, Rule::LargestGroup, 3),
        ("aab", 0, Rule::LargestGroup, 2),
        ("ab", 0, Rule::Alone, 0),
        ("aaabb", 4, Rule::BelowConfidence, 0),
        ("aaabb", 3, Rule::LargestGroup, 3),
        ("aabb", 0, Rule::Draw, 0),
        ("??a", 0, Rule::Unreadable, 0),
        ("-aa", 0, Rule::LargestGroup, 2),
        ("abc", 0, Rule::Alone, 0),
        ("aabc", 0, Rule::LargestGroup, 2),
        ("---", 0, Rule::NoProposal, 0),
        ("?", 0, Rule::OneRun, 0),
    ];
    for (votes, confidence, rule, won) in table {
        let concurrency = u16::try_from(votes.len()).unwrap();
        let mut world = World::new(job(concurrency, confidence, concurrency));
        play(&mut world, votes);
        let verdict = world.shard().verdict.clone().unwrap();
        assert_eq!(verdict.rule, rule, "{votes}");
        let winners = world.shard().executions.iter().filter(|it| it.state == ExecutionState::Won).count();
        assert_eq!(winners, won, "{votes}");
        if won == 0 {
            world.wait(5_000);
            assert_eq!(world.record().state, JobState::Failed, "{votes}");
            assert!(world.shard().why.is_some());
        }
    }
}

#[test]
fn reasons_are_given_where_there_is_no_result() {
    let mut world = World::new(job(2, 0, 2));
    play(&mut world, "--");
    let why = "no run has a result: execution 1: disk full; execution 2: disk full";
    assert_eq!(world.shard().why.as_deref(), Some(why));
    let mut world = World::new(job(2, 2, 2));
    world.bids(0..2);
    for number in [1, 2] {
        let Message::Failed(mut refused) = failed(&world, number, "import env.x") else { panic!() };
        refused.kind = bacalhau_job::FailureKind::Refused;
        world.say(world.peer_of(number), Message::Failed(refused));
    }
    assert_eq!(world.shard().why.as_deref(), Some("all 2 providers refused it: import env.x"));
}

#[test]
fn a_verdict_that_nobody_can_change_does_not_wait_for_ever() {
    let mut world = World::new(job(5, 3, 5));
    world.bids(0..5);
    for number in 1..4 {
        world.vote(number, "h1:a");
    }
    assert!(world.shard().verdict.is_none(), "the others have a moment");
    let effects = world.wait(1_000);
    assert_eq!(notices(&effects), [(1, true, true), (2, true, false), (3, true, false)]);
    assert_eq!(sent(&effects, |message| matches!(message, Message::Cancel(_))), [world.peer_of(4), world.peer_of(5)]);
    assert_eq!(world.vote(4, "h1:b"), [], "it comes too late");
    assert_eq!(world.execution(4).state, ExecutionState::Cancelled);
}

#[test]
fn who_fails_is_replaced_by_the_next_of_the_draw() {
    let mut world = World::new(job(2, 0, 4));
    world.bids(0..4);
    world.say(world.peer_of(1), failed(&world, 1, "disk full"));
    assert_eq!(world.shard().executions.len(), 3);
    let order = draw(&world.job, 0, 2, &[peer(0), peer(1), peer(2), peer(3)]);
    let open: Vec<_> = order.iter().filter(|peer| ![world.peer_of(1), world.peer_of(2)].contains(peer)).collect();
    assert_eq!(&world.peer_of(3), open[0]);
    assert_eq!(world.shard().draws[1].executions, [3]);
    world.vote(2, "h1:a");
    let effects = world.vote(3, "h1:a");
    assert_eq!(notices(&effects), [(2, true, true), (3, true, false)]);
}

#[test]
fn fewer_bids_than_runs_begin_at_once_and_later_bidders_join() {
    let mut world = World::new(job(3, 0, 1));
    for (bidder, accepted) in [(0, 1), (1, 2), (2, 3), (3, 3)] {
        world.bid(bidder);
        assert_eq!(world.shard().executions.len(), accepted);
    }
}

#[test]
fn reserves_are_bounded_and_the_rest_is_free_at_once() {
    let mut world = World::new(job(1, 0, 1));
    let effects = world.bids(0..6);
    let rejected = sent(&effects, |message| matches!(message, Message::Reject(_)));
    assert_eq!(rejected, [peer(3), peer(4), peer(5)], "one runs, two may replace it");
}

#[test]
fn without_a_vote_all_results_stand_and_the_first_is_published() {
    let mut world = World::new(job_of(Deal::new(2, 0).unwrap(), VerifierKind::Noop, 1));
    world.bids(0..2);
    world.vote(2, "h1:b");
    let effects = world.vote(1, "h1:a");
    assert_eq!(notices(&effects), [(1, true, true), (2, true, false)]);
    assert_eq!(world.shard().verdict.as_ref().unwrap().rule, Rule::NotCompared);
}

#[test]
fn shards_end_one_by_one_and_cancelling_ends_the_rest() {
    let mut world = World::new(job_of(Deal::new(1, 0).unwrap(), VerifierKind::Deterministic, 2));
    world.bid(0);
    world.vote(1, "h1:a");
    world.show(1);
    world.publish(1, dag());
    world.collected(1, Ok(()));
    assert_eq!((world.shard().state, world.record().state), (ShardState::Completed, JobState::InProgress));
    let effects = world.feed(crate::Input::Cancel { job: world.job, why: "changed my mind".into() });
    assert_eq!(
        sent(&effects, |message| matches!(message, Message::Cancel(cancel) if cancel.shard.is_none())),
        [peer(0)]
    );
    assert_eq!(effects.last(), Some(&Effect::Task(Task::Ended(world.job))));
    assert_eq!((world.record().state, world.shard().state), (JobState::Cancelled, ShardState::Completed));
    assert_eq!(world.record().shards[1].why.as_deref(), Some("changed my mind"));
}

#[test]
fn ten_thousand_shards_are_one_rejection() {
    let mut world = World::new(job_of(Deal::new(1, 0).unwrap(), VerifierKind::Deterministic, 10_000));
    world.bids(0..3);
    let effects = world.bid(3);
    let [Effect::Send { message: Message::Reject(reject), .. }] = &effects[..] else { panic!("{}", effects.len()) };
    assert_eq!(reject.shards.len(), 10_000);
}
