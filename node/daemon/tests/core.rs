//! Both machines as one: replies, loops inside, what is told of what was not delivered, restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use bacalhau_compute as compute;
use bacalhau_compute::{Compute, ComputeConfig};
use bacalhau_daemon::{Core, Effect, Input, OutboxConfig, Transmit};
use bacalhau_identity::Identity;
use bacalhau_job::{AnnouncedJob, Delivery, FailureKind};
use bacalhau_protocol::{Accept, Bid, Cancel, Message, Refusal, Reject, Reply, Running, SendError};
use bacalhau_requester as requester;
use bacalhau_requester::{Requester, RequesterConfig};
use bacalhau_simulation::{Config, FakeSeal, jobs};
use libp2p_identity::PeerId;

/// A node, and whether it takes and runs jobs.
fn node(me: PeerId, takes: bool, runs: bool) -> Core {
    let seal = Arc::new(FakeSeal::new(me, 1));
    let requester = takes.then(|| Requester::new(me, RequesterConfig::default(), seal.clone()));
    let compute = runs.then(|| Compute::new(me, jobs::versions(), ComputeConfig::default(), seal));
    Core::new(me, jobs::versions(), requester, compute, OutboxConfig::default())
}

/// A job that one run is enough for.
fn job(requester: PeerId) -> AnnouncedJob {
    let config = Config { deal: jobs::deal(1, 0, 1), ..Config::default() };
    jobs::job(&config, &Identity::ephemeral(), (0, 0, 1), requester, 1)
}

fn announced(job: &AnnouncedJob) -> Input {
    Input::Compute(compute::Input::Announced { job: job.clone().into(), versions: jobs::versions() })
}

fn assessed(job: &AnnouncedJob) -> Input {
    let needs = job.spec().resources;
    Input::Compute(compute::Input::Assessed { job: job.id, result: Ok(vec![Some(needs)]) })
}

/// A provider that has bid for the job, and its transmission.
fn bidder(job: &AnnouncedJob) -> (Core, Transmit) {
    let mut core = node(PeerId::random(), false, true);
    assert_eq!(core.handle(1, announced(job)), [Effect::Compute(compute::Task::Assess(job.clone().into()))]);
    let effects = core.handle(2, assessed(job));
    let [Effect::Transmit(bid)] = effects.as_slice() else { panic!("{effects:?}") };
    (core, (**bid).clone())
}

#[test]
fn a_node_runs_its_own_job_without_the_network() {
    let identity = Identity::ephemeral();
    let me = identity.peer_id();
    let mut core = node(me, true, true);
    let job = job(me);
    let execution = job.id.execution(0, 1);
    let h1 = "h1:result".to_string();
    let mut todo = core.handle(1, Input::Requester(requester::Input::Submit(Box::new(job.clone()))));
    let mut done = Vec::new();
    while let Some(effect) = todo.pop() {
        let input = match &effect {
            Effect::Compute(compute::Task::Assess(_)) => Some(assessed(&job)),
            Effect::Compute(compute::Task::Run { .. }) => Some(Input::Compute(compute::Input::Ran {
                execution,
                result: Ok(jobs::ran(&execution, h1.clone(), &identity)),
            })),
            Effect::Compute(compute::Task::Publish { h1: asked, .. }) => {
                assert_eq!(asked, &h1);
                let delivery = Delivery::Directory("results".into());
                Some(Input::Compute(compute::Input::Published { execution, result: Ok((delivery, Vec::new())) }))
            }
            Effect::Requester(requester::Task::Collect { peer, h1: asked, .. }) => {
                assert_eq!((peer, asked), (&me, &h1));
                Some(Input::Requester(requester::Input::Collected { execution, result: Ok(()) }))
            }
            Effect::Transmit(transmit) => panic!("{transmit:?}"),
            _ => None,
        };
        done.push(effect);
        todo.extend(input.map(|input| core.handle(2, input)).unwrap_or_default());
    }
    assert!(done.contains(&Effect::Requester(requester::Task::Ended(job.id))), "{done:?}");
    assert!(
        done.contains(&Effect::Compute(compute::Task::Discard(execution))),
        "what was collected is not kept twice: {done:?}"
    );
    let changes = core.take_changes();
    assert!(changes.jobs.contains(&job.id) && !changes.events.is_empty());
    assert_eq!(core.record(&job.id).map(|record| record.state), Some(bacalhau_job::JobState::Completed));
    assert_eq!(core.provider_record(&job.id), None);
    core.forget_ended();
    assert_eq!(core.record(&job.id), None);
    assert!(core.take_changes().is_empty());
}

#[test]
fn a_requester_is_dialled_at_the_addresses_of_its_job() {
    let job = job(PeerId::random());
    let (_, bid) = bidder(&job);
    assert_eq!((bid.to, &bid.addrs), (job.requester.peer, &job.requester.addrs));
    assert!(matches!(bid.message, Message::Bid(_)));
}

#[test]
fn a_bid_that_is_refused_holds_nothing() {
    let job = job(PeerId::random());
    let (mut core, bid) = bidder(&job);
    assert_ne!(core.compute().unwrap().reserved(), jobs::NOTHING);
    core.handle(3, Input::Answered { id: bid.id, result: Ok(Reply::Refused(Refusal::Unknown)) });
    assert_eq!(core.compute().unwrap().reserved(), jobs::NOTHING);
}

#[test]
fn a_bid_without_an_answer_is_sent_again() {
    let job = job(PeerId::random());
    let (mut core, bid) = bidder(&job);
    assert_eq!(core.handle(10, Input::Answered { id: bid.id, result: Err(SendError::Stopped) }), []);
    assert_eq!(core.deadline(), Some(260));
    assert_eq!(core.handle(260, Input::Tick), [Effect::Transmit(Box::new(Transmit { again: true, ..bid }))]);
}

#[test]
fn what_waits_for_a_node_goes_when_it_is_there_again() {
    let job = job(PeerId::random());
    let (mut core, bid) = bidder(&job);
    core.handle(10, Input::Answered { id: bid.id, result: Err(SendError::Stopped) });
    assert_eq!(core.connected(20, &PeerId::random()), []);
    assert_eq!(core.connected(20, &job.requester.peer), [Effect::Transmit(Box::new(Transmit { again: true, ..bid }))]);
}

#[test]
fn only_the_requester_of_a_job_is_listened_to() {
    let requester = PeerId::random();
    let job = job(requester);
    let (mut core, _) = bidder(&job);
    let execution = job.id.execution(0, 1);
    let stranger = PeerId::random();
    let messages = [
        Message::Accept(Accept::new(execution, 60_000)),
        Message::Reject(Reject { job: job.id, shards: vec![0] }),
        Message::Cancel(Cancel { job: job.id, shard: None, why: "no".into() }),
    ];
    for message in messages {
        let (reply, effects) = core.message(3, stranger, message);
        assert_eq!((reply, effects), (Reply::Refused(Refusal::NotYours), Vec::new()));
    }
    let (reply, effects) = core.message(4, requester, Message::Accept(Accept::new(execution, 60_000)));
    assert_eq!(reply, Reply::Taken);
    assert!(effects.contains(&Effect::Compute(compute::Task::Run { execution, job: Arc::new(job) })), "{effects:?}");
}

#[test]
fn what_nobody_here_knows_is_refused() {
    let other = job(PeerId::random());
    let execution = other.id.execution(0, 1);
    let versions = jobs::versions();
    for mut core in [node(PeerId::random(), true, true), node(PeerId::random(), false, false)] {
        for message in [
            Message::Bid(Bid { job: other.id, shards: vec![0], versions: versions.clone(), claim: None, commit: None }),
            Message::Running(Running { execution }),
            Message::Accept(Accept::new(execution, 60_000)),
            Message::Log { execution, stderr: false, offset: 0 },
        ] {
            let (reply, effects) = core.message(1, PeerId::random(), message);
            assert_eq!((reply, effects), (Reply::Refused(Refusal::Unknown), Vec::new()));
        }
    }
}

#[test]
fn of_an_execution_only_its_provider_speaks() {
    let me = PeerId::random();
    let mut core = node(me, true, false);
    let job = job(me);
    core.handle(1, Input::Requester(requester::Input::Submit(Box::new(job.clone()))));
    let (provider, stranger) = (PeerId::random(), PeerId::random());
    let bid = Message::Bid(Bid { job: job.id, shards: vec![0], versions: jobs::versions(), claim: None, commit: None });
    let running = |number| Message::Running(Running { execution: job.id.execution(0, number) });
    assert_eq!(core.message(2, provider, running(1)).0, Reply::Refused(Refusal::Unknown), "nothing is accepted yet");
    assert_eq!(core.message(3, provider, bid).0, Reply::Taken);
    assert_eq!(core.message(4, stranger, running(1)).0, Reply::Refused(Refusal::NotYours));
    assert_eq!(core.message(5, provider, running(1)).0, Reply::Taken);
    assert_eq!(core.message(6, provider, running(2)).0, Reply::Refused(Refusal::Unknown));
}

/// What is on disk of the messages of `core`.
fn kept(core: &mut Core) -> Vec<(u64, Vec<u8>)> {
    core.take_changes().messages.into_iter().filter_map(|(number, bytes)| Some((number, bytes?))).collect()
}

#[test]
fn the_last_message_about_a_job_survives_a_restart_until_it_is_taken() {
    let me = PeerId::random();
    let mut core = node(me, true, false);
    let job = job(me);
    core.handle(1, Input::Requester(requester::Input::Submit(Box::new(job.clone()))));
    let provider = PeerId::random();
    let bid = Message::Bid(Bid { job: job.id, shards: vec![0], versions: jobs::versions(), claim: None, commit: None });
    core.message(2, provider, bid);
    core.take_changes();
    core.handle(3, Input::Requester(requester::Input::Cancel { job: job.id, why: "no need".into() }));
    assert!(!core.outbox().is_empty());
    core.forget_ended();
    let on_disk = kept(&mut core);
    assert_eq!(on_disk.len(), 1, "the cancellation, and not the acceptance");

    let mut again = node(me, true, false);
    let effects = again.restore(10, Vec::new(), Vec::new(), on_disk).unwrap();
    let [Effect::Transmit(transmit)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(matches!(&transmit.message, Message::Cancel(cancel) if cancel.job == job.id), "{transmit:?}");
    assert_eq!(transmit.to, provider);
    again.handle(11, Input::Answered { id: transmit.id, result: Ok(Reply::Taken) });
    let changes = again.take_changes();
    assert_eq!(changes.messages.into_iter().collect::<Vec<_>>(), [(transmit.id, None)]);
    assert!(again.outbox().is_empty());
}

#[test]
fn a_message_that_this_program_cannot_read_is_dropped() {
    let mut core = node(PeerId::random(), true, true);
    assert_eq!(core.restore(1, Vec::new(), Vec::new(), vec![(7, vec![0xa0])]).unwrap(), []);
    let changes = core.take_changes();
    assert!(!changes.are_urgent() && !changes.is_empty());
    assert_eq!(changes.messages.into_iter().collect::<Vec<_>>(), [(7, None)]);
}

#[test]
fn what_its_requester_does_not_know_any_more_is_let_go() {
    let job = job(PeerId::random());
    let (mut core, bid) = bidder(&job);
    let execution = job.id.execution(0, 1);
    core.handle(3, Input::Answered { id: bid.id, result: Ok(Reply::Taken) });
    let (_, effects) = core.message(4, job.requester.peer, Message::Accept(Accept::new(execution, 60_000)));
    let running = effects.iter().find_map(|effect| match effect {
        Effect::Transmit(transmit) => Some(transmit.id),
        _ => None,
    });
    let refused = Ok(Reply::Refused(Refusal::Unknown));
    let effects = core.handle(5, Input::Answered { id: running.unwrap(), result: refused });
    assert!(
        effects.contains(&Effect::Compute(compute::Task::Stop(execution)))
            && effects.contains(&Effect::Compute(compute::Task::Discard(execution))),
        "{effects:?}"
    );
    core.handle(
        6,
        Input::Compute(compute::Input::Ran {
            execution,
            result: Err((FailureKind::Withdrawn, "it was stopped".into())),
        }),
    );
    assert_eq!(core.compute().unwrap().reserved(), jobs::NOTHING);
}

#[test]
fn a_provider_that_is_started_again_bids_again() {
    let job = job(PeerId::random());
    let (mut core, bid) = bidder(&job);
    let changes = core.take_changes();
    assert_eq!(changes.provided, [job.id]);
    let kept = core.provider_record(&job.id).unwrap();
    let mut again = node(PeerId::random(), false, true);
    let effects = again.restore(100, Vec::new(), vec![kept], Vec::new()).unwrap();
    let [Effect::Transmit(transmit)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!((transmit.to, &transmit.message), (bid.to, &bid.message));
    assert!(node(PeerId::random(), false, true).restore(1, Vec::new(), vec![vec![1]], Vec::new()).is_err());
}
