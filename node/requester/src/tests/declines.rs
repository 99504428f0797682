//! What nodes say that do not bid: asked for when bids are lacking, counted, and part of what the client is told.

use libp2p_identity::PeerId;

use super::world::*;
use bacalhau_job::EventKind;
use bacalhau_protocol::{ALL_NODES, Decline, Message};

fn decline(world: &mut World, from: u8, reason: &str) {
    let message = Message::Decline(Decline { job: world.job, reason: reason.into(), later: None });
    assert_eq!(world.say(peer(from), message), []);
}

#[test]
fn nodes_are_asked_by_and_by_until_enough_have_answered() {
    let mut world = World::new(job(3, 0, 7));
    let mut asked = vec![world.machine.asks(&world.job)];
    for _ in 0..4 {
        world.wait(2_000);
        asked.push(world.machine.asks(&world.job));
    }
    assert_eq!(asked, [0, 1, 8, ALL_NODES, ALL_NODES]);
    (1..8).for_each(|from| decline(&mut world, from, "full"));
    assert_eq!(world.machine.asks(&world.job), ALL_NODES);
    decline(&mut world, 8, "full");
    assert_eq!(world.machine.asks(&world.job), 0);
}

#[test]
fn reasons_are_counted_by_node_and_told_with_the_failure() {
    let mut world = World::new(job(3, 0, 7));
    decline(&mut world, 1, "full");
    world.wait(5_000);
    let waiting = world.texts(EventKind::Stalled).concat();
    assert!(
        waiting.starts_with("bids 0/7: ") && !waiting.contains("nodes"),
        "nobody had been asked by then: {waiting}"
    );
    for (from, reason) in
        [(1, "no-input"), (1, "no-input"), (2, "full"), (3, "no-input"), (4, "on-holiday"), (5, "full")]
    {
        decline(&mut world, from, reason);
    }
    decline(&mut world, 5, "no-input");
    world.wait(1_000);
    let counted = "5 nodes: 3 lack the input, 1 is full, 1 gave another reason";
    let waiting = "queued: 1 of 5 providers is busy, next try in 16 s, 0 jobs ahead";
    assert_eq!(world.texts(EventKind::Stalled)[1..], [format!("{waiting}; {counted}")]);
    // One of them bids after all.
    world.bid(2);
    world.wait(24_000);
    let why =
        "bids 1/7 after 30 s: not enough providers offered to run it; 4 nodes: 3 lack the input, 1 gave another reason";
    assert_eq!(world.shard().why.as_deref(), Some(why));
}

#[test]
fn a_flood_of_strangers_is_bounded() {
    let mut world = World::new(job(3, 0, 7));
    world.wait(4_000);
    for _ in 0..1000 {
        let message = Message::Decline(Decline { job: world.job, reason: "x".repeat(1000), later: None });
        world.say(PeerId::random(), message);
    }
    world.wait(26_000);
    let why = world.shard().why.clone().unwrap();
    assert!(why.ends_with("; 256 nodes: 256 gave another reason"), "{why}");
    assert!(world.texts(EventKind::Stalled).len() < 4);
}
