//! Providers that lie about single runs.

use crate::Task;
use std::sync::Arc;

use super::fair::{fake_chain, sign_round};
use super::world::{REQUESTER, World, dag, job_of, notices, peer};
use crate::{Effect, Input, RequesterConfig, repeat};
use bacalhau_job::{
    AnnouncedJob, Deal, Distinct, EventKind, ExecutionState, FailureKind, MILLION, Rule, ShardState, VerifierKind,
};
use bacalhau_protocol::{Bid, Failed, Message};

fn audited(rate_millionths: u32) -> AnnouncedJob {
    let deal = Deal::new(1, 0).unwrap().with_audit(rate_millionths).unwrap();
    job_of(deal, VerifierKind::Deterministic, 1)
}

/// One whose only run has proposed, and is drawn for an audit.
fn drawn() -> World {
    let mut world = World::new(audited(MILLION));
    world.bid(0);
    world.running(1);
    world.vote(1, "h1:a");
    assert!(world.shard().audit.as_ref().unwrap().drawn);
    assert_eq!(world.texts(EventKind::Audit).len(), 1);
    assert_eq!(world.shard().verdict, None);
    world
}

#[test]
fn a_lie_that_is_audited_has_no_result_and_both_are_named() {
    let mut world = drawn();
    world.bid(1);
    world.vote(2, "h1:b");
    world.wait(10_000);
    assert_eq!((world.shard().state, world.ended), (ShardState::Failed, 1));
    let why = world.shard().why.clone().unwrap();
    assert!(why.starts_with("audit disagrees: execution 1 ("), "{why}");
    assert!(why.contains("proposed h1:a, execution 2 (") && why.ends_with("proposed h1:b"), "{why}");
    assert!(world.shard().executions.iter().all(|it| it.state == ExecutionState::Lost), "nothing is published");
    assert_eq!(world.shard().findings.len(), 1);
}

#[test]
fn an_audit_that_agrees_verifies_the_result() {
    let mut world = drawn();
    world.bid(1);
    let effects = world.vote(2, "h1:a");
    assert_eq!(notices(&effects), [(1, true, true), (2, true, false)]);
    assert_eq!(world.shard().verdict.as_ref().unwrap().rule, Rule::LargestGroup);
    world.show(1);
    world.show(2);
    world.publish(1, dag());
    world.collected(1, Ok(()));
    assert_eq!(world.shard().state, ShardState::Completed);
}

#[test]
fn a_run_that_is_not_drawn_stands_alone_and_the_record_says_so() {
    let mut world = World::new(audited(1));
    world.bid(0);
    world.vote(1, "h1:a");
    let record = world.shard().audit.clone().unwrap();
    assert!(!record.drawn);
    assert!(record.holds(&peer(REQUESTER), &world.job.execution(0, 1)), "the decision can be repeated");
    assert!(!record.holds(&peer(1), &world.job.execution(0, 1)), "by the requester's signature only");
    assert!(!record.holds(&peer(REQUESTER), &world.job.execution(0, 2)));
    assert_eq!(world.shard().verdict.as_ref().unwrap().rule, Rule::OneRun);
}

#[test]
fn an_audit_without_another_operator_is_no_result() {
    let mut world = drawn();
    world.wait(29_000);
    assert_eq!(world.shard().verdict, None);
    world.wait(10_000);
    assert_eq!(world.shard().state, ShardState::Failed);
    let why = world.shard().why.as_deref().unwrap();
    assert_eq!(why, "drawn for an audit, and no other operator offered to run it within 30 s");
}

#[test]
fn a_party_cannot_audit_itself_by_another_name() {
    let deal = Deal::new(1, 0).unwrap().with_audit(MILLION).unwrap().with_distinct(Some(Distinct::Prefix));
    let mut world = World::new(job_of(deal, VerifierKind::Deterministic, 1));
    let bid = |world: &mut World, number, prefix: &str| {
        let bid =
            Bid { job: world.job, shards: vec![0], versions: super::world::versions(), claim: None, commit: None };
        world.feed(Input::Bid { from: peer(number), bid, prefix: Some(prefix.into()) });
    };
    bid(&mut world, 0, "192.0.2.0/24");
    world.vote(1, "h1:lie");
    for number in 1..9 {
        bid(&mut world, number, "192.0.2.0/24");
    }
    assert_eq!(world.shard().executions.len(), 1);
    bid(&mut world, 9, "198.51.100.0/24");
    world.vote(2, "h1:a");
    world.wait(10_000);
    let why = world.shard().why.as_deref().unwrap();
    assert!(why.contains("192.0.2.0/24 (address)) proposed h1:lie"), "{why}");
}

#[test]
fn an_auditor_that_fails_is_replaced_and_a_restart_changes_nothing() {
    let mut world = drawn();
    world.bid(1);
    let execution = world.job.execution(0, 2);
    let why = "no disk".into();
    world.say(peer(1), Message::Failed(Failed { execution, kind: FailureKind::Host, why }));
    assert_eq!(world.shard().verdict, None, "another one is looked for");
    world.restart();
    assert_eq!(world.shard().verdict, None);
    world.bid(2);
    world.vote(3, "h1:a");
    assert_eq!(world.shard().verdict.as_ref().unwrap().rule, Rule::LargestGroup);
}

#[test]
fn what_cannot_be_read_is_not_audited() {
    let mut world = World::new(audited(MILLION));
    world.bid(0);
    world.propose(1, b"nothing".to_vec());
    assert_eq!(world.shard().audit, None);
    world.wait(10_000);
    assert_eq!(world.shard().state, ShardState::Failed);
}

/// One whose only run has proposed, and waits for a round of the beacon that decides.
fn by_beacon(rate_millionths: u32) -> (World, blst::min_sig::SecretKey) {
    let (chain, key) = fake_chain();
    let config = RequesterConfig { beacon: Some(Arc::new(chain)), ..RequesterConfig::default() };
    let mut world = World::configured(audited(rate_millionths), config);
    world.bid(0);
    world.running(1);
    world.vote(1, "h1:a");
    let audit = world.shard().audit.clone().unwrap();
    assert!(audit.is_pending() && !audit.drawn && world.shard().verdict.is_none());
    (world, key)
}

fn asked(effects: &[Effect]) -> Option<u64> {
    effects
        .iter()
        .find_map(|effect| if let Effect::Task(Task::Beacon { round, .. }) = effect { Some(*round) } else { None })
}

#[test]
fn a_round_of_the_beacon_after_the_proposal_decides_about_the_audit() {
    for restarts in [false, true] {
        let (mut world, key) = by_beacon(MILLION / 2);
        let (chain, proposed_ms) = (fake_chain().0, world.now);
        if restarts {
            world.restart();
        }
        let round = asked(&world.wait(5_000)).unwrap();
        assert!(chain.time_ms(round) > proposed_ms + 1_000);
        let result = Ok(sign_round(&key, round));
        world.feed(Input::Beacon { job: world.job, round, result });
        let record = world.record().clone();
        let audit = record.shards[0].audit.as_ref().unwrap();
        assert_eq!(record.shards[0].verdict.is_none(), audit.drawn);
        assert!(audit.holds(&peer(REQUESTER), &world.job.execution(0, 1)));
        repeat(&record).unwrap();

        let mut other = record.clone();
        other.shards[0].audit.as_mut().unwrap().drawn ^= true;
        assert!(repeat(&other).unwrap_err().to_string().contains("audit: it was "));
        let mut other = record.clone();
        let beacon = other.shards[0].audit.as_mut().unwrap().beacon.as_mut().unwrap();
        (beacon.round, beacon.proposed_ms) = (round + 1, 0);
        let why = repeat(&other).unwrap_err().to_string();
        assert!(why.contains("does not verify against the chain's public key"), "{why}");
    }
}

#[test]
fn without_an_answer_of_the_beacon_the_signature_alone_decides() {
    let (mut world, _) = by_beacon(MILLION);
    let mut effects = Vec::new();
    while world.shard().audit.as_ref().unwrap().is_pending() {
        effects.extend(world.wait(1_000));
        if let Some(round) = asked(&std::mem::take(&mut effects)) {
            effects.extend(world.feed(Input::Beacon { job: world.job, round, result: Err("no answer".into()) }));
        }
        assert!(world.now < super::world::START_MS + 30_000, "it is not waited for without end");
    }
    let audit = world.shard().audit.as_ref().unwrap();
    assert!(audit.drawn && audit.beacon.is_none());
    repeat(world.record()).unwrap();
}
