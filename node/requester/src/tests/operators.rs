//! One party with many names: it has one execution of a shard, and one vote.

use crate::Task;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::{World, job, job_of, peer, sent, versions};
use crate::{Effect, Input};
use bacalhau_job::{
    AnnouncedJob, Deal, Distinct, EventKind, FailureKind, MinerClaim, OperatorProof, ShardState, VerifierKind,
};
use bacalhau_protocol::{Bid, Failed, Message};

const PARTY: &str = "192.0.2.0/24";

fn ruled(concurrency: u16, min_bids: u16, rule: Distinct) -> AnnouncedJob {
    let deal = Deal::new(concurrency, 0).unwrap().with_min_bids(min_bids).with_distinct(Some(rule));
    job_of(deal, VerifierKind::Deterministic, 1)
}

impl World {
    fn bid_from(&mut self, number: u8, prefix: Option<&str>, claim: Option<MinerClaim>) -> Vec<Effect> {
        let bid = Bid { job: self.job, shards: vec![0], versions: versions(), claim, commit: None };
        self.feed(Input::Bid { from: peer(number), bid, prefix: prefix.map(Into::into) })
    }

    fn seen(&mut self, number: u8, prefix: &str) -> Vec<Effect> {
        self.bid_from(number, Some(prefix), None)
    }

    pub(super) fn fails(&mut self, number: u16) -> Vec<Effect> {
        let execution = self.job.execution(0, number);
        let why = "no disk".into();
        self.say(self.peer_of(number), Message::Failed(Failed { execution, kind: FailureKind::Host, why }))
    }

    fn operators(&self) -> Vec<String> {
        self.shard().executions.iter().map(|it| it.operator.as_ref().unwrap().to_string()).collect()
    }
}

#[test]
fn many_names_of_one_prefix_get_one_execution_and_count_as_one_bid() {
    let mut world = World::new(ruled(3, 3, Distinct::Prefix));
    for number in 0..20 {
        world.seen(number, PARTY);
    }
    assert_eq!(world.shard().executions.len(), 0, "that is one bid of three");
    world.seen(20, "198.51.100.0/24");
    world.seen(21, "203.0.113.0/24");
    let operators: BTreeSet<String> = world.operators().into_iter().collect();
    assert_eq!(operators.len(), 3, "{operators:?}");
    let open = world.shard().bids.iter().filter(|bid| bid.accepted.is_none()).count();
    assert_eq!(open, 0, "names that can get nothing hold nothing");
}

#[test]
fn with_none_each_name_counts() {
    let mut world = World::new(ruled(3, 3, Distinct::None));
    for number in 0..3 {
        world.seen(number, PARTY);
    }
    assert_eq!(world.shard().executions.len(), 3);
    assert!(world.shard().executions.iter().all(|it| it.operator.is_none()), "nothing more is in the record");
}

#[test]
fn an_operator_that_failed_gets_no_second_execution() {
    let mut world = World::new(ruled(2, 2, Distinct::Prefix));
    world.seen(0, PARTY);
    world.seen(1, "198.51.100.0/24");
    let of_party = world.shard().executions.iter().find(|it| it.peer == peer(0)).unwrap().number;
    world.fails(of_party);
    let effects = world.seen(2, PARTY);
    assert_eq!(sent(&effects, |message| matches!(message, Message::Reject(_))), [peer(2)]);
    assert_eq!(world.shard().executions.len(), 2);
    world.seen(3, "203.0.113.0/24");
    assert_eq!(world.peer_of(3), peer(3));
}

#[test]
fn too_few_operators_are_said() {
    let mut world = World::new(ruled(3, 3, Distinct::Prefix));
    for number in 0..6 {
        world.seen(number, PARTY);
    }
    world.seen(7, "198.51.100.0/24");
    world.wait(30_000);
    assert_eq!(world.shard().state, ShardState::Failed);
    let why = world.shard().why.as_deref().unwrap();
    assert!(why.starts_with("7 bids of 2 operators, 3 needed after 30 s"), "{why}");
    assert!(why.contains("address prefixes"), "{why}");
    assert!(world.texts(EventKind::Bid).contains(&"7 bids of 2 operators, 3 needed"));
}

#[test]
fn nodes_whose_address_is_not_seen_count_as_one_and_the_requester_as_itself() {
    let mut world = World::new(ruled(3, 3, Distinct::Prefix));
    world.bid_from(0, None, None);
    world.bid_from(1, None, None);
    world.bid_from(super::world::REQUESTER, None, None);
    assert_eq!(world.shard().executions.len(), 0, "{:?}", world.shard().bids);
    world.seen(3, PARTY);
    let operators: BTreeSet<String> = world.operators().into_iter().collect();
    let expected = ["192.0.2.0/24 (address)", "no address seen (relayed)", "this requester"];
    assert_eq!(operators, expected.map(String::from).into());
}

#[test]
fn a_claim_counts_when_the_chain_has_confirmed_it() {
    let mut world = World::new(ruled(2, 2, Distinct::Operator));
    let claim = MinerClaim { miner: 1000, signature: None };
    let effects = world.bid_from(0, Some(PARTY), Some(claim.clone()));
    let [Effect::Task(Task::LookUp { from, bid, claim: asked })] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((*from, asked), (peer(0), &claim));
    assert!(world.shard().bids.is_empty(), "not before");
    assert_eq!(world.bid_from(0, Some(PARTY), Some(claim.clone())), [], "it is asked for once");
    let answer = |from, bid: &Bid, result| Input::LookedUp { from, bid: bid.clone(), result };
    world.feed(answer(peer(0), bid, Ok(OperatorProof::MinerPeer)));
    assert_eq!(world.feed(answer(peer(0), bid, Ok(OperatorProof::MinerPeer))), [], "an answer to nothing");
    // Another node of the same provider, by another proof and elsewhere.
    world.bid_from(1, Some("198.51.100.0/24"), Some(claim.clone()));
    world.feed(answer(peer(1), bid, Ok(OperatorProof::MinerWorker)));
    assert_eq!((world.shard().bids.len(), world.shard().executions.len()), (2, 0), "they are one operator");
    // A liar counts by its address, and the record says why.
    world.bid_from(2, Some("203.0.113.0/24"), Some(claim));
    world.feed(answer(peer(2), bid, Err("the chain names another peer".into())));
    assert_eq!(world.shard().executions.len(), 2);
    let liar = world.shard().bids[2].operator.as_ref().unwrap();
    assert_eq!((liar.name.as_str(), liar.by), ("203.0.113.0/24", OperatorProof::Prefix));
    let why = liar.refused.as_deref().unwrap();
    assert_eq!(why, "it claims to belong to f01000: the chain names another peer");
}

#[test]
fn claims_of_one_prefix_do_not_fill_the_look_ups() {
    let mut world = World::new(ruled(3, 50, Distinct::Operator));
    let claim = |miner| Some(MinerClaim { miner, signature: None });
    let asked = |effects: Vec<Effect>| effects.iter().any(|effect| matches!(effect, Effect::Task(Task::LookUp { .. })));
    let lookups = (0..20).filter(|number| asked(world.bid_from(*number, Some(PARTY), claim(1)))).count();
    assert_eq!(lookups, 4);
    assert!(asked(world.bid_from(30, Some("198.51.100.0/24"), claim(2))), "others are looked up");
    let long = Some(MinerClaim { miner: 1, signature: Some("0".repeat(10_000)) });
    assert!(!asked(world.bid_from(31, Some("203.0.113.0/24"), long)));
    assert!(world.shard().bids.iter().all(|bid| bid.operator.as_ref().unwrap().refused.is_some()));
}

#[test]
fn a_job_that_says_nothing_has_the_rule_of_its_requester_and_keeps_it() {
    let mut world = World::ruled_by(job(2, 0, 2), Distinct::Prefix);
    world.seen(0, PARTY);
    assert_eq!(world.shard().distinct, Distinct::Prefix);
    // The configuration may be another one after a restart.
    world.restart();
    world.seen(1, PARTY);
    assert_eq!(world.shard().executions.len(), 0);
    world.seen(2, "198.51.100.0/24");
    assert_eq!(world.shard().executions.len(), 2);
}

proptest! {
    /// Whatever bids come from wherever, and whichever executions fail.
    #[test]
    fn no_operator_ever_has_two_executions(
        concurrency in 1_u16..5,
        steps in proptest::collection::vec((0_u8..40, 0_u8..6, any::<bool>()), 1..80),
    ) {
        let mut world = World::new(ruled(concurrency, concurrency, Distinct::Prefix));
        for (number, prefix, fails) in steps {
            if world.record().ended_ms.is_some() {
                break;
            }
            world.seen(number, &format!("10.0.{prefix}.0/24"));
            let pending = world.shard().executions.iter().find(|it| it.state.is_pending()).map(|it| it.number);
            if let Some(pending) = pending.filter(|_| fails) {
                world.fails(pending);
            }
            let operators = world.operators();
            prop_assert_eq!(operators.iter().collect::<BTreeSet<_>>().len(), operators.len());
        }
    }
}
