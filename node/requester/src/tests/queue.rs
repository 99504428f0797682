//! Jobs that wait: busy providers are waited for, absent ones are not, and no client takes all turns.

use super::world::*;
use crate::{Effect, Input, RequesterConfig};
use bacalhau_job::{AnnouncedJob, Deal, EventKind, ExecutionState, FailureKind, JobState, ShardState, VerifierKind};
use bacalhau_protocol::{Decline, Failed, Later, Message};

/// A provider is full, with so many jobs before this one, and expects capacity after that time.
fn full(world: &mut World, from: u8, ahead: u32, in_ms: Option<u64>) {
    let later = Some(Later { ahead, in_ms });
    world.say(peer(from), Message::Decline(Decline { job: world.job, reason: "full".into(), later }));
}

fn announcements(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Announce(_))).count()
}

fn single() -> AnnouncedJob {
    job_of(Deal::new(1, 0).unwrap(), VerifierKind::Noop, 1)
}

#[test]
fn a_busy_provider_is_waited_for_and_the_job_runs_when_it_bids() {
    let mut world = World::new(single());
    full(&mut world, 1, 14, Some(2_000));
    world.wait(6_000);
    let said = world.texts(EventKind::Stalled);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("queued: 1 of 1 providers is busy, next try in "), "{said:?}");
    assert!(said[0].ends_with(" s, 14 jobs ahead"), "the provider has a queue: {said:?}");
    world.wait(24_000);
    assert_eq!(world.record().state, JobState::Bidding, "{:?}", world.shard().why);
    assert!(world.shard().why.as_ref().unwrap().ends_with("next try in 4 s, 0 jobs ahead"), "{:?}", world.shard().why);
    // Its interval is over, and it is announced again.
    assert_eq!(announcements(&world.wait(5_000)), 1);
    world.bid(1);
    assert_eq!(world.shard().state, ShardState::Running);
    assert_eq!(world.machine.take_queue(), Some(std::collections::BTreeMap::new()));
}

#[test]
fn a_job_that_no_provider_can_run_fails_in_the_time_for_bids() {
    let mut world = World::new(single());
    world.wait(2_000);
    let decline = Decline { job: world.job, reason: "no-input".into(), later: None };
    world.say(peer(1), Message::Decline(decline));
    world.wait(28_000);
    let why = "bids 0/1 after 30 s: not enough providers offered to run it; 1 node: 1 lacks the input";
    assert_eq!((world.shard().why.as_deref(), world.record().state), (Some(why), JobState::Failed));
    assert_eq!(world.machine.deadline(), None);
}

#[test]
fn a_provider_that_is_gone_is_not_waited_for_in_the_next_try() {
    let mut world = World::new(single());
    full(&mut world, 1, 0, None);
    world.wait(40_000);
    assert_eq!(world.record().state, JobState::Bidding);
    world.wait(30_000);
    let why = world.shard().why.clone().unwrap();
    assert!(world.record().state == JobState::Failed && why.contains("not enough providers offered"), "{why}");
}

#[test]
fn a_provider_that_is_always_full_is_waited_for_until_the_time_in_the_queue_is_over() {
    let mut job = single();
    job.request.request.spec.queue_seconds = Some(120);
    let mut world = World::new(job);
    let mut tries = 0;
    for second in 0..120 {
        full(&mut world, 1, 0, Some(1));
        tries += announcements(&world.wait(1_000));
        assert_eq!(world.record().ended_ms.is_some(), second == 119, "after {second} s: {:?}", world.shard().why);
    }
    let why = "not started within 120 s in the queue: 1 of 1 providers were busy all the time; wait longer with \
               --queue-timeout, or use a requester that knows more providers";
    assert_eq!(world.shard().why.as_deref(), Some(why));
    assert!((6..20).contains(&tries), "announced {tries} times");
}

#[test]
fn without_time_in_the_queue_a_busy_provider_is_not_waited_for() {
    let mut job = single();
    job.request.request.spec.queue_seconds = Some(0);
    let mut world = World::new(job);
    full(&mut world, 1, 0, None);
    world.wait(30_000);
    let why = world.shard().why.clone().unwrap();
    assert!(why.starts_with("not started within 30 s in the queue: 1 of 1"), "{why}");
}

#[test]
fn bids_are_given_back_while_others_are_busy_and_may_be_made_again() {
    let mut world = World::new(job(2, 0, 2));
    world.bid(1);
    full(&mut world, 2, 0, None);
    let effects = world.wait(30_000);
    assert_eq!(sent(&effects, |message| matches!(message, Message::Reject(_))), [peer(1)]);
    assert!(world.shard().bids.is_empty(), "{:?}", world.shard().bids);
    // One has capacity before the interval ends: the job is announced at once.
    assert_eq!(announcements(&world.bid(2)), 1);
    let effects = world.bid(1);
    assert_eq!(sent(&effects, |message| matches!(message, Message::Accept(_))).len(), 2);
}

#[test]
fn shards_wait_for_the_provider_that_runs_the_others() {
    let mut world = World::new(job_of(Deal::new(1, 0).unwrap(), VerifierKind::Noop, 3));
    world.bid_for(1, vec![0]);
    world.wait(30_000);
    assert_eq!(world.record().state, JobState::InProgress);
    let waiting = world.record().shards[1].why.clone().unwrap();
    assert!(waiting.starts_with("queued: 1 of 1 providers is busy"), "{waiting}");
    // Its execution ends, and the job is announced before its interval is over.
    world.running(1);
    assert_eq!(announcements(&world.vote(1, "h1:one")), 1);
    world.bid_for(1, vec![1, 2]);
    assert!(world.record().shards.iter().all(|shard| shard.executions.len() == 1));
}

#[test]
fn a_try_that_follows_at_once_is_shorter_than_the_pause_of_a_busy_provider() {
    let mut world = World::new(AnnouncedJob { bidding_ms: 1_000, ..single() });
    full(&mut world, 1, 0, Some(1));
    world.wait(15_000);
    assert!(!world.record().state.is_final(), "{:?}", world.shard().why);
    world.wait(60_000);
    assert_eq!(world.record().state, JobState::Failed, "it says nothing any more");
}

/// A requester with one place, and jobs of two clients.
fn one_at_a_time() -> World {
    World::configured(single(), RequesterConfig { bidding_jobs: 1, ..RequesterConfig::default() })
}

fn of_client(client: u8, number: u64) -> AnnouncedJob {
    let spec = single().request.request.spec;
    let request = bacalhau_job::Request { spec, nonce: format!("{client} {number}") };
    let request = bacalhau_job::SignedRequest::sign(request, key(client).keypair()).unwrap();
    let id = bacalhau_job::JobId::of(&request, &peer(REQUESTER));
    AnnouncedJob { id, request, created_ms: START_MS + number, ..single() }
}

#[test]
fn clients_take_turns_however_many_jobs_one_has() {
    let mut world = one_at_a_time();
    let flood: Vec<AnnouncedJob> = (1..5).map(|number| of_client(1, number)).collect();
    let other = of_client(2, 9);
    for job in flood.iter().chain([&other]) {
        assert_eq!(world.feed(Input::Submit(Box::new(job.clone()))), []);
    }
    let texts = world.texts(EventKind::Stalled);
    assert_eq!(texts.first().copied(), Some("queued: 1 jobs of this node look for providers, 0 jobs ahead"));
    assert_eq!(texts.last().copied(), Some("queued: 1 jobs of this node look for providers, 0 jobs ahead"));
    let mut order = Vec::new();
    for _ in 0..5 {
        let effects = world.bid(1);
        order.extend(effects.iter().find_map(|effect| match effect {
            Effect::Announce(job) => Some(job.id),
            _ => None,
        }));
        world.job = *order.last().unwrap();
    }
    let place = order.iter().position(|job| *job == other.id).unwrap();
    assert!(place < 2, "{place}: the client with one job is not last");
    assert!(order.iter().filter(|job| **job != other.id).eq(flood.iter().map(|job| &job.id)), "in order of submission");
}

#[test]
fn a_queued_job_is_queued_after_a_restart_in_the_same_order() {
    let mut world = one_at_a_time();
    let jobs: Vec<AnnouncedJob> = (1..4).map(|number| of_client(1, number)).collect();
    for job in &jobs {
        world.feed(Input::Submit(Box::new(job.clone())));
    }
    let records = jobs.iter().rev().map(|job| world.machine.record(&job.id).unwrap().clone()).collect();
    let config = RequesterConfig { bidding_jobs: 1, ..RequesterConfig::default() };
    let mut machine = crate::Requester::new(peer(REQUESTER), config, std::sync::Arc::new(FakeSeal));
    let effects = machine.restore(world.now, records);
    let announced = |effects: &[Effect]| -> Vec<_> {
        let job = |effect: &Effect| match effect {
            Effect::Announce(job) => Some(job.id),
            _ => None,
        };
        effects.iter().filter_map(job).collect()
    };
    assert_eq!(announced(&effects), [jobs[0].id]);
    for (job, next) in jobs.iter().zip(&jobs[1..]) {
        let cancel = Input::Cancel { job: job.id, why: "taken back".into() };
        assert_eq!(announced(&machine.handle(world.now, cancel)), [next.id]);
    }
}

#[test]
fn an_execution_that_is_given_back_before_it_ran_is_begun_again() {
    let mut world = World::new(single());
    let give_back = |world: &mut World, number| {
        let execution = world.job.execution(0, number);
        let why = "the offer lapsed, and its capacity is in use now".into();
        world.say(peer(1), Message::Failed(Failed { execution, kind: FailureKind::Withdrawn, why }))
    };
    world.bid(1);
    assert_eq!(announcements(&give_back(&mut world, 1)), 1, "it is looked for at once");
    full(&mut world, 1, 0, None);
    world.wait(40_000);
    assert!(!world.record().state.is_final(), "{:?}", world.shard());
    assert_eq!(sent(&world.bid(1), |message| matches!(message, Message::Accept(_))), [peer(1)], "the same provider");
    world.running(2);
    world.vote(2, "h1:one");
    assert_eq!(world.execution(2).state, ExecutionState::Won);
    let repeated = crate::repeat(world.record()).unwrap();
    assert_eq!(repeated.len(), 2);
    // The tries are bounded.
    let mut world = World::new(single());
    for number in 1..4 {
        world.bid(1);
        give_back(&mut world, number);
    }
    assert!(
        world.shard().verdict.is_some() && !world.bid(1).iter().any(|effect| matches!(effect, Effect::Announce(_)))
    );
}
