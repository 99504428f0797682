//! Providers that do not keep to the rules, by what they do.

use super::world::*;
use crate::Input;
use bacalhau_job::{ExecutionState, FailureKind};
use bacalhau_protocol::{Accept, Bid, MAX_SEALED_BYTES, Message, Refusal, Running, Withdraw};

/// Three accepted executions.
fn three() -> World {
    let mut world = World::new(job(3, 0, 3));
    world.bids(0..3);
    world
}

fn why(world: &World, number: u16) -> String {
    let execution = world.execution(number);
    assert_eq!((execution.h1.as_deref(), execution.claim), (Some(""), None), "it counts as the empty hash");
    execution.why.clone().unwrap()
}

#[test]
fn a_ballot_that_is_bound_to_something_else_is_unreadable() {
    let mut world = three();
    let theirs = world.ballot(2, "h1:a");
    world.cast(1, &theirs);
    assert_eq!(why(&world, 1), format!("its proposal was sealed for another execution: {}", world.job.execution(0, 2)));
    let mut world = three();
    let mut ballot = world.ballot(1, "h1:a");
    ballot.provider = peer(99);
    world.cast(1, &ballot);
    assert!(why(&world, 1).starts_with("its proposal was sealed by another provider: 12D3…"));
    let mut world = three();
    let mut ballot = world.ballot(1, "h1:a");
    ballot.requester = peer(99);
    world.cast(1, &ballot);
    assert!(why(&world, 1).starts_with("its proposal was sealed for another requester: 12D3…"));
}

#[test]
fn truncated_oversized_and_copied_proposals_are_unreadable() {
    let mut world = three();
    world.propose(1, b"\xa1".to_vec());
    assert!(why(&world, 1).starts_with("its proposal cannot be read: it cannot be decrypted"));
    world.propose(2, vec![0; MAX_SEALED_BYTES + 1]);
    assert_eq!(why(&world, 2), "its proposal is too large: 4097 bytes of at most 4096");
    let mut world = three();
    world.vote(1, "h1:a");
    let mut ballot = world.ballot(2, "h1:a");
    ballot.salt = world.ballot(1, "h1:a").salt;
    world.cast(2, &ballot);
    assert_eq!(why(&world, 2), "its proposal has the salt of execution 1: it was copied or replayed");
    world.vote(3, "");
    assert_eq!(why(&world, 3), "its proposal names no hash");
}

#[test]
fn an_equivocator_takes_its_vote_back_and_a_repetition_is_nothing() {
    let mut world = three();
    world.vote(1, "h1:a");
    let before = world.record().clone();
    assert_eq!(world.vote(1, "h1:a"), []);
    assert_eq!(world.record(), &before);
    world.vote(1, "h1:b");
    assert_eq!(why(&world, 1), "equivocation: two different proposals for one execution");
    world.vote(1, "h1:a");
    assert_eq!(why(&world, 1), "equivocation: two different proposals for one execution", "there is no way back");
    world.vote(2, "h1:a");
    world.vote(3, "h1:a");
    let verdict = world.shard().verdict.clone();
    assert_eq!(verdict.as_ref().unwrap().winner().unwrap().executions, [2, 3]);
    world.vote(2, "h1:b");
    assert_eq!(world.shard().verdict, verdict, "what was judged stays");
    assert_eq!(world.execution(2).why.as_deref(), Some("equivocation: two different proposals for one execution"));
}

#[test]
fn nobody_speaks_for_another() {
    let mut world = three();
    let number = 1;
    let execution = world.job.execution(0, number);
    let stranger = world.peer_of(2);
    let before = world.record().clone();
    let sealed = bacalhau_job::to_dag_cbor(&world.ballot(1, "h1:a"));
    let delivery = dag();
    let receipt = Some(receipt("h1:a", 1));
    let calls = bacalhau_receipt::CallTrail::default();
    let messages = [
        Message::Running(Running { execution }),
        Message::Proposal(bacalhau_protocol::Proposal { execution, sealed }),
        Message::Failed(bacalhau_protocol::Failed { execution, kind: FailureKind::Host, why: String::new() }),
        Message::Evidence(bacalhau_protocol::Evidence { execution, receipt, calls }),
        Message::Published(bacalhau_protocol::Published { execution, delivery, publications: Vec::new() }),
    ];
    for message in messages {
        assert_eq!(world.machine.admits(&stranger, &message), Err(Refusal::NotYours));
        assert_eq!(world.machine.admits(&world.peer_of(1), &message), Ok(()));
        assert_eq!(world.say(stranger, message), []);
    }
    let accept = Message::Accept(Accept::new(execution, 60_000));
    assert_eq!(world.machine.admits(&world.peer_of(1), &accept), Err(Refusal::OutOfTurn));
    assert_eq!(world.say(world.peer_of(1), accept), []);
    assert_eq!(world.record(), &before);
    let unknown = Message::Running(Running { execution: world.job.execution(7, 1) });
    assert_eq!(world.machine.admits(&stranger, &unknown), Err(Refusal::Unknown));
    assert_eq!(world.say(stranger, unknown), []);
}

#[test]
fn bids_of_another_protocol_or_profile_and_second_bids_do_not_count() {
    let mut world = World::new(job(2, 0, 2));
    let mut bid = Bid { job: world.job, shards: vec![0, 0, 7], versions: versions(), claim: None, commit: None };
    bid.versions.protocol += 1;
    let effects = world.say(peer(0), Message::Bid(bid.clone()));
    assert_eq!(sent(&effects, |message| matches!(message, Message::Reject(_))), [peer(0)]);
    bid.versions = versions();
    bid.versions.profiles.clear();
    world.say(peer(1), Message::Bid(bid.clone()));
    bid.versions = versions();
    for _ in 0..3 {
        world.say(peer(2), Message::Bid(bid.clone()));
    }
    assert_eq!((world.shard().bids.len(), world.shard().executions.len()), (1, 0));
}

#[test]
fn a_bid_that_was_withdrawn_is_none() {
    let mut world = World::new(job(2, 0, 2));
    world.bid(0);
    let withdraw = Withdraw { job: world.job, shards: vec![0], why: "full".into() };
    world.say(peer(0), Message::Withdraw(withdraw.clone()));
    world.bid(1);
    assert_eq!(world.shard().executions.len(), 0);
    world.bid(2);
    assert_eq!(world.shard().executions.len(), 2);
    let from = world.peer_of(1);
    world.say(from, Message::Withdraw(withdraw));
    assert_eq!(world.execution(1).state, ExecutionState::Failed, "the acceptance and the withdrawal crossed");
}

#[test]
fn who_cannot_be_reached_has_failed() {
    let mut world = World::new(job(1, 0, 2));
    world.bids(0..2);
    let accept = Message::Accept(Accept::new(world.job.execution(0, 1), 60_000));
    let to = world.peer_of(1);
    let stranger = Input::Undelivered { to: world.shard().bids[0].peer, message: accept.clone(), why: "x".into() };
    let own = Input::Undelivered { to, message: accept, why: "no address".into() };
    if world.shard().bids[0].peer != to {
        world.feed(stranger);
    }
    let effects = world.feed(own);
    assert_eq!(world.execution(1).why.as_deref(), Some("it could not be reached: no address"));
    assert_eq!(sent(&effects, |message| matches!(message, Message::Accept(_))), [world.peer_of(2)]);
}

#[test]
fn a_receipt_of_something_else_is_named_and_not_kept() {
    let mut world = three();
    for number in 1..4 {
        world.vote(number, "h1:a");
    }
    world.show_receipt(1, Some(receipt("h1:a", 2)));
    assert_eq!(world.execution(1).why.as_deref(), Some("its receipt claims something else than it voted for"));
    assert!(world.execution(1).receipt.is_none());
    world.show_receipt(3, Some(receipt("h1:a", 1)));
    assert_eq!(world.execution(3).why.as_deref(), Some("its receipt is not signed by it"));
    assert!(world.execution(3).receipt.is_none());
    world.show(2);
    assert!(world.execution(2).receipt.is_some());
    let before = world.execution(2).clone();
    world.show_receipt(2, None);
    assert_eq!(world.execution(2), &before, "what was shown first stays");
}

#[test]
fn evidence_before_the_verdict_and_results_that_nobody_asked_for_are_nothing() {
    let mut world = three();
    world.vote(1, "h1:a");
    let before = world.record().clone();
    assert_eq!(world.show(1), []);
    assert_eq!(world.publish(1, dag()), []);
    assert_eq!(world.collected(1, Ok(())), []);
    assert_eq!(world.record(), &before);
    world.vote(2, "h1:a");
    world.vote(3, "h1:b");
    assert_eq!(world.publish(2, dag()), [], "another winner was asked");
    assert_eq!(world.publish(3, dag()), [], "it lost");
    assert_eq!(world.collected(1, Ok(())), [], "it has not published yet");
}

#[test]
fn long_words_are_cut() {
    let mut world = three();
    let execution = world.job.execution(0, 1);
    let why = "é".repeat(100_000);
    let failed = bacalhau_protocol::Failed { execution, kind: FailureKind::Host, why };
    world.say(world.peer_of(1), Message::Failed(failed));
    assert_eq!(world.execution(1).why.as_ref().unwrap().chars().count(), 401);
}
