//! A process that ends in the middle: what is on disk is enough.

use super::world::*;
use crate::Effect;
use bacalhau_job::{EventKind, JobState};
use bacalhau_protocol::Message;

#[test]
fn what_was_said_is_said_again_at_every_step() {
    let mut world = World::new(job(2, 0, 3));
    world.bids(0..2);
    assert!(matches!(world.restart()[..], [Effect::Announce(_)]));
    let accepted = world.bid(2);
    let again = world.restart();
    assert_eq!(again, accepted);
    world.vote(1, "h1:a");
    let again = world.restart();
    assert_eq!(sent(&again, |message| matches!(message, Message::Accept(_))), [world.peer_of(2)]);
    let notified = world.vote(2, "h1:a");
    let again = world.restart();
    assert_eq!(notices(&again), notices(&notified));
    let collect = world.publish(1, dag());
    let again = world.restart();
    assert!(again.contains(&collect[0]));
    assert_eq!(notices(&again), [(1, true, false), (2, true, false)]);
    world.show(1);
    world.collected(1, Ok(()));
    let again = world.restart();
    assert_eq!(sent(&again, |message| matches!(message, Message::Collected(_))), [world.peer_of(1)]);
    world.show(2);
    assert_eq!(world.record().state, JobState::Completed);
    assert_eq!(world.texts(EventKind::Resumed).len(), 6);
    assert_eq!(world.texts(EventKind::Verdict).len(), 1);
}

#[test]
fn time_begins_anew_after_a_restart() {
    let mut world = World::new(job(1, 0, 1));
    world.bid(0);
    world.now += 3_600_000;
    world.restart();
    world.wait(59_999);
    assert!(world.execution(1).state.is_pending(), "it may have been this node that was silent");
    world.wait(1);
    assert_eq!(world.execution(1).why.as_deref(), Some("silent for 60 s"));
}
