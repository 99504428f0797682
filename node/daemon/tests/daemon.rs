//! A node as a thread, with a network and drivers that do what the test says.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bacalhau_receipt::Publication;
use libp2p_identity::PeerId;
use multiaddr::Multiaddr;

use bacalhau_compute::{ComputeConfig, Ran};
use bacalhau_daemon::{Daemon, Mailbox, Parts, SubmitError, Work};
use bacalhau_identity::Identity;
use bacalhau_job::{AnnouncedJob, Declined, Delivery, ExecutionId, ExecutionState, FailureKind, JobBrief, Resources};
use bacalhau_metrics::Metrics;
use bacalhau_network::{Heard, Listener, ReplyTo, Transport};
use bacalhau_p2p::PeerInfo;
use bacalhau_protocol::{Accept, Announcement, Bid, Message, Reply, Running, WireError};
use bacalhau_requester::RequesterConfig;
use bacalhau_simulation::{Config, FakeSeal, jobs};
use bacalhau_store::JobStore;

/// Longer than anything here takes on a machine that is busy with other things.
const BOUND: Duration = Duration::from_secs(90);

/// A network that hands what is sent to the test, and answers that it was taken.
struct Net {
    sent: Mutex<Sender<(PeerId, Message)>>,
    listener: Listener,
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Net")
    }
}

impl Transport for Net {
    fn announce(&self, _: &Announcement) -> Result<(), WireError> {
        Ok(())
    }

    fn send(&self, id: u64, to: PeerId, _: &[Multiaddr], message: &Message) {
        let _ = self.sent.lock().unwrap().send((to, message.clone()));
        let _ = (self.listener)(Box::new(Heard::Answered { id, result: Ok(Reply::Taken) }));
    }

    fn peers(&self) -> Vec<PeerInfo> {
        Vec::new()
    }

    fn addrs(&self) -> Vec<Multiaddr> {
        Vec::new()
    }

    fn punish(&self, _: PeerId, _: &str) {}
}

/// Drivers that run every program until the test ends.
#[derive(Debug)]
struct Forever(Mutex<Receiver<()>>);

impl Work for Forever {
    fn assess(&self, job: &AnnouncedJob) -> Result<Vec<Option<Resources>>, Declined> {
        Ok(vec![Some(job.spec().resources); job.shards.len()])
    }

    fn assess_brief(&self, brief: &JobBrief) -> Result<Vec<Option<Resources>>, Declined> {
        Ok(vec![Some(brief.resources); brief.shards as usize])
    }

    fn run(&self, _: ExecutionId, _: &AnnouncedJob) -> Result<Ran, (FailureKind, String)> {
        let _ = self.0.lock().unwrap().recv();
        Err((FailureKind::Host, "the test is over".into()))
    }

    fn stop(&self, _: ExecutionId) {}

    fn publish(&self, _: ExecutionId, _: &AnnouncedJob, _: &str) -> Result<(Delivery, Vec<Publication>), String> {
        Err("nothing is published here".into())
    }

    fn publications(&self, _: ExecutionId, _: &PeerId) -> Option<Vec<Publication>> {
        None
    }

    fn discard(&self, _: ExecutionId) {}

    fn collect(&self, _: ExecutionId, _: PeerId, _: &Delivery, _: &str) -> Result<(), String> {
        Err("nothing is collected here".into())
    }

    fn log(&self, _: ExecutionId, _: bool, _: u64) -> Option<(Vec<u8>, bool)> {
        None
    }
}

/// A node, and what the test says and hears as everybody else.
struct Stage {
    daemon: Daemon,
    say: Listener,
    sent: Receiver<(PeerId, Message)>,
    _running: Sender<()>,
}

impl Stage {
    fn new(requester: RequesterConfig, compute: Option<ComputeConfig>) -> Self {
        let identity = Identity::ephemeral();
        let me = identity.peer_id();
        let mailbox = Mailbox::new();
        let say = mailbox.listener();
        let (send, sent) = channel();
        let (running, until) = channel();
        let daemon = Daemon::start(Parts {
            me,
            store: Arc::new(JobStore::in_memory().unwrap()),
            transport: Arc::new(Net { sent: Mutex::new(send), listener: say.clone() }),
            mailbox,
            work: Arc::new(Forever(Mutex::new(until))),
            profiles: jobs::versions().profiles,
            seal: Arc::new(FakeSeal::new(me, 1)),
            requester: Some(requester),
            compute,
            metrics: Arc::new(Metrics::default()),
        });
        Self { daemon: daemon.unwrap(), say, sent, _running: running }
    }

    fn says(&self, from: PeerId, message: Message) {
        self.says_and(from, message, |_| ());
    }

    /// Says something, whose answer the loop of the node gives by `answered`.
    fn says_and(&self, from: PeerId, message: Message, answered: impl FnOnce(Reply) + Send + 'static) {
        (self.say)(Box::new(Heard::Message { from, message, reply: ReplyTo::new(answered) })).unwrap();
    }

    /// The next message that is sent and is such a one.
    fn hears<T>(&self, wanted: impl Fn(&Message) -> Option<T>) -> T {
        loop {
            let (_, message) = self.sent.recv_timeout(BOUND).expect("the message has not come");
            if let Some(found) = wanted(&message) {
                return found;
            }
        }
    }
}

/// A job for `requester` that is run so often.
fn job(requester: PeerId, runs: u16) -> AnnouncedJob {
    let config = Config { deal: jobs::deal(runs, 0, runs), ..Config::default() };
    jobs::job(&config, &Identity::ephemeral(), (0, 0, 1), requester, 1)
}

/// Holds the loop of a node up, until what is returned is dropped.
fn hold_up(stage: &Stage) -> Sender<()> {
    let (held, until) = channel::<()>();
    let (begun, begins) = channel();
    let unknown = bacalhau_testkit::jobs::running(1);
    stage.says_and(PeerId::random(), unknown, move |_| {
        begun.send(()).unwrap();
        let _ = until.recv();
    });
    begins.recv_timeout(BOUND).unwrap();
    held
}

#[test]
fn heartbeats_do_not_wait_for_a_loop_that_is_held_up() {
    let stage = Stage::new(RequesterConfig::default(), Some(ComputeConfig::default()));
    let requester = PeerId::random();
    let job = job(requester, 1);
    let (id, execution) = (job.id, job.id.execution(0, 1));
    let announcement = Announcement { job: job.into(), versions: jobs::versions() };
    (stage.say)(Box::new(Heard::Announced { announcement, from: requester })).unwrap();
    stage.hears(|message| matches!(message, Message::Bid(bid) if bid.job == id).then_some(()));
    stage.says(requester, Message::Accept(Accept::new(execution, 3_000)));
    let beat = |message: &Message| matches!(message, Message::Running(it) if it.execution == execution).then_some(());
    stage.hears(beat);
    let held = hold_up(&stage);
    (0..3).for_each(|_| stage.hears(beat));
    drop(held);
}

#[test]
fn a_requester_that_is_held_up_gives_nobody_up() {
    let silence_ms = 8_000;
    let stage = Stage::new(RequesterConfig { silence_ms, ..RequesterConfig::default() }, None);
    let AnnouncedJob { request, shards, .. } = job(stage.daemon.me(), 2);
    let id = stage.daemon.submit(request, shards).unwrap();
    let providers = [PeerId::random(), PeerId::random()];
    for provider in providers {
        stage.says(
            provider,
            Message::Bid(Bid { job: id, shards: vec![0], versions: jobs::versions(), claim: None, commit: None }),
        );
    }
    let accept =
        |message: &Message| if let Message::Accept(accept) = message { Some(accept.silence_ms()) } else { None };
    assert_eq!([stage.hears(accept), stage.hears(accept)], [silence_ms, silence_ms]);
    let record = || stage.daemon.store().job(&id).unwrap().unwrap();
    let executions: Vec<(PeerId, ExecutionId)> =
        record().shards[0].executions.iter().map(|it| (it.peer, id.execution(0, it.number))).collect();
    let say_running = || {
        for (provider, execution) in &executions {
            stage.says(*provider, Message::Running(Running { execution: *execution }));
        }
    };
    say_running();
    let held = hold_up(&stage);
    assert!(stage.sent.recv_timeout(Duration::from_millis(silence_ms + 500)).is_err(), "nothing is said meanwhile");
    say_running();
    drop(held);
    // What comes behind them is answered when they have been handled and time has been looked at.
    drop(hold_up(&stage));
    drop(hold_up(&stage));
    let states: Vec<ExecutionState> = record().shards[0].executions.iter().map(|it| it.state).collect();
    assert_eq!(states, [ExecutionState::Running, ExecutionState::Running]);
}

#[test]
fn jobs_that_wait_for_providers_are_bounded_by_client_and_in_all() {
    let config = RequesterConfig { client_queued_jobs: 2, queued_jobs: 3, ..RequesterConfig::default() };
    let stage = Stage::new(config, None);
    let clients = [(); 3].map(|()| Identity::ephemeral());
    let submit = |client: usize, number: usize| {
        let job = jobs::job(&Config::default(), &clients[client], (number, 0, 1), stage.daemon.me(), 1);
        stage.daemon.submit(job.request, job.shards)
    };
    let full = |result| match result {
        Err(SubmitError::QueueFull(why)) => why,
        other => panic!("{other:?}"),
    };
    let first = submit(0, 1).unwrap();
    submit(0, 2).unwrap();
    let why = full(submit(0, 3));
    assert!(why.starts_with("2 jobs of this client wait") && why.contains("requester.client_queued_jobs"), "{why}");
    assert_eq!(submit(0, 1).unwrap(), first, "the same request is the same job");
    submit(1, 1).unwrap();
    let why = full(submit(2, 1));
    assert!(why.starts_with("3 jobs wait") && why.contains("(requester.queued_jobs)"), "{why}");
    stage.daemon.cancel(first, "not needed").unwrap();
    submit(2, 1).unwrap();
}
