//! Whatever anybody does, in whatever order: what holds all the time.

use proptest::prelude::*;

use super::world::*;
use crate::Input;
use bacalhau_job::{EventKind, ExecutionState, FailureKind, Rule, ShardState};
use bacalhau_protocol::{Accept, Failed, Message, Withdraw};

/// Something that somebody does. Numbers of executions that do not exist are nothing.
#[derive(Clone, Debug)]
enum Step {
    Bid(u8),
    Withdraw(u8),
    Running(u16),
    Vote(u16, u8),
    Copy(u16, u16),
    Garbage(u16),
    Fail(u16),
    Unreached(u16),
    Show(u16),
    Publish(u16, bool),
    Collected(u16, bool),
    Wait(u64),
}

fn steps(with_time: bool) -> impl Strategy<Value = Vec<Step>> {
    let number = || 1u16..8;
    let wait = if with_time { 70_000u64 } else { 1 };
    let step = prop_oneof![
        4 => (0u8..10).prop_map(Step::Bid),
        1 => (0u8..10).prop_map(Step::Withdraw),
        1 => number().prop_map(Step::Running),
        8 => (number(), prop_oneof![4 => Just(0u8), 1 => 1u8..3]).prop_map(|(number, hash)| Step::Vote(number, hash)),
        1 => (number(), number()).prop_map(|(number, other)| Step::Copy(number, other)),
        1 => number().prop_map(Step::Garbage),
        1 => number().prop_map(Step::Fail),
        1 => number().prop_map(Step::Unreached),
        2 => number().prop_map(Step::Show),
        3 => (number(), any::<bool>()).prop_map(|(number, holds)| Step::Publish(number, holds)),
        3 => (number(), any::<bool>()).prop_map(|(number, holds)| Step::Collected(number, holds)),
        1 => (0..wait).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..60)
}

fn take(world: &mut World, step: &Step) {
    let exists = |world: &World, number: u16| world.shard().execution(number).is_some();
    match *step {
        Step::Bid(bidder) => {
            world.bid(bidder);
        }
        Step::Withdraw(bidder) => {
            let withdraw = Withdraw { job: world.job, shards: vec![0], why: "full".into() };
            world.say(peer(bidder), Message::Withdraw(withdraw));
        }
        Step::Wait(ms) => {
            world.wait(ms);
        }
        Step::Running(number)
        | Step::Vote(number, _)
        | Step::Copy(number, _)
        | Step::Garbage(number)
        | Step::Fail(number)
        | Step::Unreached(number)
        | Step::Show(number)
        | Step::Publish(number, _)
        | Step::Collected(number, _) => {
            if exists(world, number) {
                act(world, step, number);
            }
        }
    }
}

fn act(world: &mut World, step: &Step, number: u16) {
    let execution = world.job.execution(0, number);
    match *step {
        Step::Vote(_, hash) => world.vote(number, ["h1:a", "h1:b", "h1:c"][usize::from(hash)]),
        Step::Copy(_, other) if world.shard().execution(other).is_some() => {
            let ballot = world.ballot(other, "h1:a");
            world.cast(number, &ballot)
        }
        Step::Garbage(_) => world.propose(number, vec![1, 2, 3]),
        Step::Fail(_) => {
            let failed = Failed { execution, kind: FailureKind::Host, why: "disk full".into() };
            world.say(world.peer_of(number), Message::Failed(failed))
        }
        Step::Unreached(_) => {
            let (to, message) = (world.peer_of(number), Message::Accept(Accept::new(execution, 60_000)));
            world.feed(Input::Undelivered { to, message, why: "gone".into() })
        }
        Step::Show(_) if world.execution(number).h1.is_some() => world.show(number),
        Step::Publish(_, holds) => world.publish(number, if holds { dag() } else { Err("disk full".into()) }),
        Step::Collected(_, holds) => world.collected(number, if holds { Ok(()) } else { Err("other hash".into()) }),
        _ => world.running(number),
    };
}

/// What holds at every step.
fn check(world: &World, deal: (u16, u16, u16)) {
    let (concurrency, confidence, min_bids) = deal;
    let shard = world.shard();
    let occupied = |state: ExecutionState| state.is_pending() || state == ExecutionState::Proposed;
    assert!(shard.executions.iter().filter(|it| occupied(it.state)).count() <= usize::from(concurrency));
    assert!(shard.executions.len() <= usize::from(3 * concurrency));
    assert!(shard.executions.is_empty() || shard.bids.len() >= usize::from(min_bids.max(1)));
    // One that was given back before it ran may go to the same provider.
    let begun = || shard.executions.iter().filter(|it| it.memo.failure != Some(FailureKind::Withdrawn));
    let mut peers: Vec<_> = begun().map(|it| it.peer).collect();
    peers.sort_unstable();
    peers.dedup();
    assert_eq!(peers.len(), begun().count(), "nobody runs a shard twice");
    assert!(world.texts(EventKind::Verdict).len() <= 1);
    assert!(world.ended <= 1);
    assert_eq!(world.ended == 1, world.record().ended_ms.is_some());
    if shard.state == ShardState::Completed {
        let verdict = shard.verdict.as_ref().unwrap();
        let published = shard.published.unwrap();
        assert!(verdict.standing().contains(&published));
        let quorum = usize::from(confidence.max(2));
        let won = verdict.winner().is_some_and(|group| group.executions.len() >= quorum);
        assert!(won || (verdict.rule == Rule::OneRun && concurrency == 1), "{verdict:?}");
    }
    for drawn in &shard.draws {
        let bidders: Vec<_> = shard.bids[..drawn.bids].iter().map(|bid| bid.peer).collect();
        let order = crate::draw(&world.job, 0, drawn.round, &bidders);
        let places =
            drawn.executions.iter().map(|number| order.iter().position(|peer| *peer == world.peer_of(*number)));
        let places: Vec<_> = places.map(Option::unwrap).collect();
        assert!(places.is_sorted(), "they were drawn as everybody can draw them");
    }
}

fn deals() -> impl Strategy<Value = (u16, u16, u16)> {
    (1u16..5, 0u16..4, 0u16..6)
        .prop_map(|(concurrency, confidence, min_bids)| (concurrency, confidence.min(concurrency), min_bids))
}

proptest! {
    #[test]
    fn no_quorum_no_result_one_verdict_and_every_job_ends(
        (deal, steps) in (deals(), steps(true))
    ) {
        let mut world = World::new(job(deal.0, deal.1, deal.2));
        let mut verdict = None;
        for step in &steps {
            take(&mut world, step);
            check(&world, deal);
            let now = &world.shard().verdict;
            prop_assert!(verdict.is_none() || &verdict == now, "a verdict stays");
            verdict.clone_from(now);
        }
        world.wait(24 * 3_600_000);
        check(&world, deal);
        prop_assert!(world.record().state.is_final());
        prop_assert_eq!(world.machine.deadline(), None);
    }

    #[test]
    fn a_restart_at_any_point_leads_to_the_same_verdict(
        (deal, steps, at) in (deals(), steps(false), 0usize..60)
    ) {
        let play = |restart: bool| {
            let mut world = World::new(job(deal.0, deal.1, deal.2));
            for (index, step) in steps.iter().enumerate() {
                if restart && index == at {
                    world.restart();
                }
                take(&mut world, step);
                check(&world, deal);
            }
            world.wait(24 * 3_600_000);
            let shard = world.shard();
            (shard.verdict.clone(), shard.published, shard.state)
        };
        prop_assert_eq!(play(true), play(false));
    }
}
