//! A node that runs: the handle by which the rest of the process talks to the loop. It is started, takes jobs, drains and
//! ends. Jobs and events are read from its store.

mod submission;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bacalhau_compute as compute;
use bacalhau_receipt::Publication;
use bacalhau_requester as requester;
use bacalhau_tree::{HostFailure, Link};
use libp2p_identity::PeerId;

use super::errors::{AskError, SubmitError};
use super::event_loop::{Event, Loop, Pending};
use super::heartbeat::Heartbeats;
use super::mailbox::Mailbox;
use super::metrics_observer::MetricsObserver;
use super::provided::Provided;
use super::specs::Specs;
use super::{Clock, Core, Input, OutboxConfig, ThreadPool, Work};
use bacalhau_compute::{Compute, ComputeConfig, DiskSpace};
use bacalhau_job::{ExecutionId, ExecutionQuery, ExecutionStatus, JobId, Resources};
use bacalhau_metrics::Metrics;
use bacalhau_network::Transport;
use bacalhau_protocol::{Message, PROTOCOL_VERSION, Reply, Versions};
use bacalhau_requester::{Requester, RequesterConfig};
use bacalhau_store::{COUNTED_MS, JobStore};
use bacalhau_verify::Seal;

/// Threads that wait for disks and networks.
const TASKS: usize = 32;
/// Programs that run at once, at most; capacity is the bound that matters.
const RUNS: usize = 512;
/// How long a draining node waits for transfers to other nodes.
const HANDOVER: Duration = Duration::from_secs(10);
/// Timeout for a log.
const LOG_PATIENCE: Duration = Duration::from_secs(20);
/// Timeout for the state of publications when a job is described.
const NEWS_PATIENCE: Duration = Duration::from_secs(3);

/// The parts of a node.
pub struct Parts {
    /// The peer id of this node.
    pub me: PeerId,
    /// Its jobs on disk.
    pub store: Arc<JobStore>,
    /// The network.
    pub transport: Arc<dyn Transport>,
    /// The inbox, which the listener of the network fills.
    pub mailbox: Mailbox,
    /// The drivers.
    pub work: Arc<dyn Work>,
    /// The rules by which it can run programs: [`Executors::profiles`](bacalhau_compute::Executors::profiles).
    pub profiles: Vec<Link>,
    /// Encryption of proposals.
    pub seal: Arc<dyn Seal>,
    /// Whether and how it takes jobs.
    pub requester: Option<RequesterConfig>,
    /// Whether and how it runs jobs.
    pub compute: Option<ComputeConfig>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
}

/// A running node. Dropping it stops the loop; running executions are cut off and resumed at the next start.
pub struct Daemon {
    shared: Arc<Shared>,
    requester: Option<RequesterConfig>,
    total: Option<Resources>,
    versions: Versions,
    thread: Option<JoinHandle<()>>,
}

/// State shared by the loop and callers.
pub(super) struct Shared {
    pub(super) me: PeerId,
    pub(super) clock: Clock,
    pub(super) store: Arc<JobStore>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) work: Arc<dyn Work>,
    events: mpsc::SyncSender<Event>,
    state: Mutex<State>,
    load_changed: Condvar,
    provided: Mutex<Provided>,
}

/// State that callers may query.
#[derive(Default)]
struct State {
    /// Why processing is paused; `None` if it is not.
    problem: Option<String>,
    /// Why the disk is full; `None` if it is not.
    disk: Option<String>,
    draining: bool,
    /// Remaining work while draining.
    left: Option<Left>,
    free: Option<Resources>,
    /// Jobs that have not found all of their providers, by client.
    queued: BTreeMap<PeerId, usize>,
    /// Versions announced by peers.
    versions: BTreeMap<PeerId, Versions>,
}

/// Remaining work of a draining node.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    /// Number of running executions.
    running: usize,
    /// Whether results or messages are on their way to nodes that are connected.
    hands_over: bool,
}

/// Maximum peers whose versions are remembered.
const REMEMBERED: usize = 4096;

/// The versions of this program on a node with these profiles.
pub fn versions(profiles: &[Link]) -> Versions {
    Versions { semver: env!("CARGO_PKG_VERSION").into(), protocol: PROTOCOL_VERSION, profiles: profiles.to_vec() }
}

impl Daemon {
    /// Starts a node and resumes unfinished work.
    ///
    /// # Errors
    /// When its store cannot be read, or a thread cannot be started.
    pub fn start(parts: Parts) -> Result<Self, HostFailure> {
        let Parts { me, store, transport, mailbox, work, profiles, seal, requester, compute, metrics } = parts;
        let Mailbox { events, received, .. } = mailbox;
        let (clock, back) = Clock::begin(store.last_ms().map_err(|error| failed(&error))?);
        if !back.is_zero() {
            tracing::warn!(
                "the system's clock was set back by {} s; this node continues with its own clock",
                back.as_secs()
            );
        }
        let jump_ms = store.begin(clock.now_ms()).map_err(|error| failed(&error))?;
        if jump_ms > 0 {
            let days = (jump_ms + COUNTED_MS) / COUNTED_MS;
            tracing::warn!(
                "the clock went on by {days} days since this node was last seen running: one of them counts towards \
                 retention, in case the clock is wrong"
            );
        }
        let mut core = Core::new(
            me,
            versions(&profiles),
            requester.clone().map(|config| Requester::new(me, config, Arc::clone(&seal))),
            compute.clone().map(|config| Compute::new(me, versions(&profiles), config, Arc::clone(&seal))),
            OutboxConfig::default(),
        );
        let jobs = store.unfinished().map_err(|error| failed(&error))?;
        let provided = store.provider_records().map_err(|error| failed(&error))?;
        let messages = store.messages().map_err(|error| failed(&error))?;
        let provided = provided.into_iter().map(|(_, record)| record).collect();
        let effects = core
            .restore(clock.now_ms(), jobs, provided, messages)
            .map_err(|error| HostFailure::new(error.to_string()))?;
        let heartbeats = Heartbeats::begin(clock, Arc::clone(&transport)).map_err(no_thread)?;
        let (state, load_changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared {
            me,
            clock,
            store,
            transport,
            work,
            events,
            state,
            load_changed,
            provided: Mutex::default(),
        });
        let turn = Loop {
            core,
            shared: Arc::clone(&shared),
            events: received,
            runs: ThreadPool::new("run", RUNS),
            tasks: ThreadPool::new("task", TASKS),
            heartbeats,
            direct: BTreeMap::new(),
            last_direct: u64::MAX,
            specs: Arc::new(Specs::new(seal)),
            pending: Pending::default(),
            observer: MetricsObserver::new(metrics),
        };
        let thread = thread::Builder::new().name("node".into()).spawn(move || turn.run(effects)).map_err(no_thread)?;
        let total = compute.map(|config| config.total);
        Ok(Self { shared, requester, total, versions: versions(&profiles), thread: Some(thread) })
    }

    /// Peer id of this node.
    pub fn me(&self) -> PeerId {
        self.shared.me
    }

    /// Its protocol version and profiles.
    pub fn versions(&self) -> Versions {
        self.versions.clone()
    }

    /// The time by which it decides.
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// The job store.
    pub fn store(&self) -> &Arc<JobStore> {
        &self.shared.store
    }

    /// The network.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.shared.transport
    }

    /// Takes a job back.
    ///
    /// # Errors
    /// When the node has ended.
    pub fn cancel(&self, job: JobId, why: &str) -> Result<(), SubmitError> {
        self.ask(Input::Requester(requester::Input::Cancel { job, why: why.into() }))
    }

    /// Sends an input to the loop, and waits until its changes are on disk.
    fn ask(&self, input: Input) -> Result<(), SubmitError> {
        let ended = || SubmitError::Busy("this node has ended".into());
        let (answer, answered) = mpsc::channel();
        self.shared.events.send(Event::Asked(Box::new(input), answer)).map_err(|_| ended())?;
        answered.recv().map_err(|_| ended())
    }

    /// Part of the log of an execution that `peer` runs, from `offset` on, and whether there will be no more. `None` where
    /// the provider has no log of it: not yet, or not any more.
    ///
    /// # Errors
    /// When the provider does not answer.
    pub fn log(
        &self,
        execution: ExecutionId,
        peer: PeerId,
        stderr: bool,
        offset: u64,
    ) -> Result<Option<(Vec<u8>, bool)>, AskError> {
        if peer == self.shared.me {
            return Ok(self.shared.work.log(execution, stderr, offset));
        }
        match self.ask_peer(peer, Message::Log { execution, stderr, offset }, LOG_PATIENCE)? {
            Reply::Log { bytes, ended } => Ok(Some((bytes, ended))),
            _ => Ok(None),
        }
    }

    /// The current state of an execution's publications, from its provider `peer`.
    ///
    /// # Errors
    /// When it does not answer in time, or has none.
    pub fn publications(&self, execution: ExecutionId, peer: PeerId) -> Result<Vec<Publication>, AskError> {
        if peer == self.shared.me {
            let known = self.shared.work.publications(execution, &peer);
            return known.ok_or(AskError::NoPublications);
        }
        match self.ask_peer(peer, Message::Publications { execution }, NEWS_PATIENCE)? {
            Reply::Publications(publications) => Ok(publications),
            _ => Err(AskError::NoPublicationsOf(peer)),
        }
    }

    /// Sends a request to a node without the outbox, and waits for the reply.
    fn ask_peer(&self, peer: PeerId, message: Message, patience: Duration) -> Result<Reply, AskError> {
        let (answer, answered) = mpsc::channel();
        self.shared.events.send(Event::Direct(Box::new((peer, message)), answer)).map_err(|_| AskError::Ended)?;
        let late = |_| AskError::Late { peer, seconds: patience.as_secs() };
        Ok(answered.recv_timeout(patience).map_err(late)??)
    }

    /// Waits until `done`, which is called after each commit, or for `patience`. Returns whether it is done.
    pub fn wait(&self, done: impl Fn(&JobStore) -> bool, patience: Duration) -> bool {
        let store = &self.shared.store;
        let mut commits = store.commits();
        if done(store) {
            return true;
        }
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return false };
        let committed = async {
            while commits.changed().await.is_ok() {
                if done(store) {
                    return true;
                }
            }
            false
        };
        runtime.block_on(async { tokio::time::timeout(patience, committed).await }).unwrap_or_else(|_| done(store))
    }

    /// Stops accepting jobs and bidding, waits at most `patience` for running executions, then briefly for transfers
    /// and messages to connected nodes. Everything else is on disk and continues after the next start. Returns the
    /// number of executions that still run.
    pub fn drain(&self, patience: Duration) -> usize {
        self.shared.state().draining = true;
        if self.ask(Input::Compute(compute::Input::Drain)).is_err() {
            return 0;
        }
        let left = self.wait_while(patience, |left| left.running > 0);
        if left.running == 0 && self.wait_while(HANDOVER, |left| left.hands_over).hands_over {
            tracing::info!("some results and messages have not been taken yet: they wait for the next start");
        }
        left.running
    }

    /// Waits while `waits` is true for the remaining work, and returns that work.
    fn wait_while(&self, patience: Duration, waits: impl Fn(&Left) -> bool) -> Left {
        let state = self.shared.state();
        let waits = |state: &mut State| state.left.as_ref().is_none_or(&waits);
        let waited = self.shared.load_changed.wait_timeout_while(state, patience, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.left.unwrap_or_default()
    }

    /// Whether it takes no more jobs because it is about to end.
    pub fn is_draining(&self) -> bool {
        self.shared.state().draining
    }

    /// Sets the state of the disk: why it is full, if it is, and its free space. While it is full, jobs are rejected
    /// and not bid on.
    pub fn set_disk(&self, problem: Option<String>, space: DiskSpace) {
        self.shared.state().disk = problem;
        self.shared.say(Input::Compute(compute::Input::Disk(space)));
    }

    /// Why processing is paused; `None` if it is not.
    pub fn problem(&self) -> Option<String> {
        self.shared.state().problem.clone()
    }

    /// Total and free capacity for executions.
    pub fn capacity(&self) -> (Option<Resources>, Option<Resources>) {
        (self.total, self.shared.state().free)
    }

    /// Executions of this node as a provider, newest first, and the start of the next page.
    pub fn executions(&self, query: &ExecutionQuery) -> (Vec<ExecutionStatus>, Option<u64>) {
        self.shared.provided().page(query)
    }

    /// The versions announced by `peer`.
    pub fn versions_of(&self, peer: &PeerId) -> Option<Versions> {
        self.shared.state().versions.get(peer).cloned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.shared.events.send(Event::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn provided(&self) -> MutexGuard<'_, Provided> {
        self.provided.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an input to the loop.
    pub(super) fn say(&self, input: Input) {
        // A node that has ended takes up its work when it is started again.
        let _ = self.events.send(Event::Input(Box::new(input)));
    }

    pub(super) fn set_problem(&self, problem: Option<String>) {
        self.state().problem = problem;
    }

    pub(super) fn set_queued(&self, queued: BTreeMap<PeerId, usize>) {
        self.state().queued = queued;
    }

    pub(super) fn set_load(&self, core: &Core) {
        let left = self.state().draining.then(|| self.left(core));
        let mut state = self.state();
        state.left = left;
        state.free = core.compute().map(Compute::free);
        drop(state);
        self.load_changed.notify_all();
    }

    /// Number of known nodes: connected ones and this node.
    pub(super) fn nodes(&self) -> usize {
        self.transport.peers().len() + 1
    }

    fn left(&self, core: &Core) -> Left {
        let connected: BTreeSet<PeerId> = self.transport.peers().into_iter().map(|peer| peer.peer).collect();
        let reaches = |peer: &PeerId| *peer == self.me || connected.contains(peer);
        Left {
            running: core.compute().map_or(0, Compute::running),
            hands_over: core.compute().is_some_and(|compute| compute.hands_over(reaches))
                || core.outbox().has_some_for(reaches),
        }
    }

    /// Records the versions of a bidder.
    pub(super) fn seen(&self, from: PeerId, message: &Message) {
        if let Message::Bid(bid) = message {
            let mut state = self.state();
            if state.versions.len() < REMEMBERED || state.versions.contains_key(&from) {
                state.versions.insert(from, bid.versions.clone());
            }
        }
    }
}

fn failed(error: &dyn std::error::Error) -> HostFailure {
    HostFailure::new(error.to_string())
}

fn no_thread(error: std::io::Error) -> HostFailure {
    HostFailure::io("start a thread", error)
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Daemon").field("me", &self.shared.me).finish_non_exhaustive()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("me", &self.me).finish_non_exhaustive()
    }
}
