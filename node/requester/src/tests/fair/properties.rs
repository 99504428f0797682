//! What holds of fair draws whatever happens.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Bid(u8),
    Withdraw(u8),
    Reveal(u8, u16),
    Lie(u8, u16),
    Fail(u16),
    Vote(u16),
    Wait(u64),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_u8..10).prop_map(Step::Bid),
        1 => (0_u8..10).prop_map(Step::Withdraw),
        8 => (0_u8..10, 1_u16..4).prop_map(|(number, round)| Step::Reveal(number, round)),
        1 => (0_u8..10, 1_u16..4).prop_map(|(number, round)| Step::Lie(number, round)),
        2 => (1_u16..8).prop_map(Step::Fail),
        2 => (1_u16..8).prop_map(Step::Vote),
        3 => (0_u64..4_000).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 0..80)
}

fn take(world: &mut World, step: &Step) {
    match *step {
        Step::Bid(number) => drop(world.bid(number)),
        Step::Withdraw(number) => {
            let withdraw = Withdraw { job: world.job, shards: vec![0], why: "full".into() };
            world.say(peer(number), Message::Withdraw(withdraw));
        }
        Step::Reveal(number, round) => drop(world.reveal(number, round)),
        Step::Lie(number, round) => {
            let secret = Secret { value: Hash256::of(&[b"lie"]), path: Vec::new() };
            world.say(peer(number), Message::Reveal(Reveal { job: world.job, round, secret }));
        }
        Step::Fail(number) if world.shard().execution(number).is_some() => drop(world.fails(number)),
        Step::Vote(number) if world.shard().execution(number).is_some() => drop(world.vote(number, "h1:a")),
        Step::Fail(_) | Step::Vote(_) => {}
        Step::Wait(ms) => drop(world.wait(ms)),
        Step::Restart => drop(world.restart()),
    }
}

proptest! {
    /// Whoever bids, reveals, lies, fails, whenever the process ends: each draw can be repeated, runs are bounded, and the job
    /// comes to an end.
    #[test]
    fn each_draw_can_be_repeated_and_each_job_ends(
        concurrency in 1_u16..4, min_bids in 0_u16..5, steps in steps()
    ) {
        let mut world = World::new(fair(concurrency, min_bids));
        for step in &steps {
            take(&mut world, step);
            let record = world.record();
            if let Err(why) = repeat(record) {
                prop_assert!(false, "{}", why);
            }
            let shard = world.shard();
            let occupied = shard.executions.iter().filter(|it| it.state.is_pending() || it.state == ExecutionState::Proposed);
            prop_assert!(occupied.count() <= usize::from(concurrency));
            let enough = shard.bids.len() >= usize::from(min_bids.max(concurrency));
            prop_assert!(shard.executions.is_empty() || enough);
        }
        world.wait(24 * 3_600_000);
        prop_assert!(world.record().state.is_final());
        prop_assert_eq!(world.machine.deadline(), None);
    }

    /// A restart while bids come or secrets are revealed changes nothing of who is drawn.
    #[test]
    fn a_restart_at_any_point_leads_to_the_same_draw(at in 0_usize..12) {
        let run = |restart: Option<usize>| {
            let mut world = World::new(fair(3, 0));
            let actions: Vec<Step> = (0..5).map(Step::Bid).chain([Step::Wait(WINDOW_MS)])
                .chain((0..5).map(|number| Step::Reveal(number, 1))).collect();
            for (number, action) in actions.iter().enumerate() {
                if restart == Some(number) {
                    let again = committed(&world.restart()).len();
                    assert_eq!(again, if number > 5 { 5 - (number - 6) } else { 0 }, "who has not revealed is asked again");
                }
                take(&mut world, action);
            }
            (world.record().fair.clone().unwrap().rounds[0].set.clone(), world.runners().len())
        };
        prop_assert_eq!(run(Some(at)), run(None));
    }
}
