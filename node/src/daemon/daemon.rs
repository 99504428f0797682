//! A node that runs: the handle by which the rest of the process talks to the loop. It is started, takes jobs, drains and
//! ends. Jobs and events are read from its store.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bacalhau_runtime::{HostFailure, Link, Publication};
use libp2p::PeerId;

use super::counting::Counting;
use super::heartbeat::Heartbeats;
use super::provided::{ExecutionQuery, Provided};
use super::specs::Specs;
use super::turn::{Event, Loop, Pending};
use super::waiting::Waiting;
use super::{Clock, Core, Errands, Input, OutboxConfig, Work};
use crate::compute::{Compute, ComputeConfig, DiskSpace};
use crate::job::{
    AnnouncedJob, ExecutionId, ExecutionStatus, InputSpec, JobId, Requester as Answers, Resources, SignedRequest,
};
use crate::metrics::Metrics;
use crate::network::{Listener, Transport};
use crate::protocol::{MAX_SPEC_BYTES, Message, PROTOCOL_VERSION, Reply, Versions};
use crate::requester::{Requester, RequesterConfig};
use crate::store::{COUNTED_MS, JobStore};
use crate::verify::Seal;

/// Threads that wait for disks and networks.
const ERRANDS: usize = 32;
/// Programs that run at once, at most; capacity is the bound that matters.
const RUNS: usize = 512;
/// How long a node that drains waits for what is on its way to others.
const HANDOVER: Duration = Duration::from_secs(10);
/// How long somebody waits for a log.
const LOG_PATIENCE: Duration = Duration::from_secs(20);
/// How long somebody who wants to see a job waits for news of what was published of it.
const NEWS_PATIENCE: Duration = Duration::from_secs(3);

/// What a node is made of.
pub struct Parts {
    /// Its name.
    pub me: PeerId,
    /// Its jobs on disk.
    pub store: Arc<JobStore>,
    /// Its network.
    pub transport: Arc<dyn Transport>,
    /// What it hears: the listener of its network puts it there.
    pub mailbox: Mailbox,
    /// What it does.
    pub work: Arc<dyn Work>,
    /// The rules by which it can run programs: [`Executors::profiles`](crate::compute::Executors::profiles).
    pub profiles: Vec<Link>,
    /// Its seal.
    pub seal: Arc<dyn Seal>,
    /// Whether and how it takes jobs.
    pub requester: Option<RequesterConfig>,
    /// Whether and how it runs jobs.
    pub compute: Option<ComputeConfig>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
}

/// What a node has been told and not yet looked at. It is bounded: peers are not heard while it is full, everybody else
/// waits.
pub struct Mailbox {
    events: mpsc::SyncSender<Event>,
    received: mpsc::Receiver<Event>,
    announcements: Waiting,
}

/// Things in a mailbox, at most.
const MAILBOX: usize = 8192;

impl Mailbox {
    /// An empty one.
    pub fn new() -> Self {
        let (events, received) = mpsc::sync_channel(MAILBOX);
        Self { events, received, announcements: Waiting::default() }
    }

    /// What puts into it what a network hears.
    pub fn listener(&self) -> Listener {
        let (events, announcements) = (self.events.clone(), self.announcements.clone());
        Arc::new(move |heard| {
            let Some(taken) = announcements.take(&heard) else { return Err(heard) };
            match events.try_send(Event::Heard(heard, taken)) {
                Err(mpsc::TrySendError::Full(Event::Heard(heard, _))) => Err(heard),
                // A node that has ended hears nothing more.
                _ => Ok(()),
            }
        })
    }
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}

/// See the module. Dropping it ends the loop; what runs is cut off, and taken up at the next start.
pub struct Daemon {
    shared: Arc<Shared>,
    requester: Option<RequesterConfig>,
    total: Option<Resources>,
    versions: Versions,
    thread: Option<JoinHandle<()>>,
}

/// What the loop and everybody else share.
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

/// What others may ask.
#[derive(Default)]
struct State {
    /// Why nothing goes on.
    problem: Option<String>,
    /// Why there is no room on the disk.
    disk: Option<String>,
    draining: bool,
    /// What is left to do, as long as it drains.
    left: Option<Left>,
    free: Option<Resources>,
    /// What peers said they speak.
    versions: BTreeMap<PeerId, Versions>,
}

/// What a node that drains has left to do.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    /// Executions that run.
    running: usize,
    /// Whether results or messages are on their way to nodes that are connected.
    hands_over: bool,
}

/// Peers whose versions are remembered.
const REMEMBERED: usize = 4096;

/// Why a job is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Nobody could do it.
    #[error("{0}")]
    Refused(String),
    /// This node does not take jobs now.
    #[error("{0}")]
    Busy(String),
    /// The jobs of its client take as much as this node keeps of one client.
    #[error("{0}")]
    Quota(String),
    /// This node could not do its part.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

/// What this program speaks, on a node that runs by these profiles.
pub(crate) fn versions(profiles: &[Link]) -> Versions {
    Versions { semver: env!("CARGO_PKG_VERSION").into(), protocol: PROTOCOL_VERSION, profiles: profiles.to_vec() }
}

impl Daemon {
    /// Starts a node, and takes up what it had not finished.
    ///
    /// # Errors
    /// When its store cannot be read, or there is no thread to be had.
    pub fn start(parts: Parts) -> Result<Self, HostFailure> {
        let Parts { me, store, transport, mailbox, work, profiles, seal, requester, compute, metrics } = parts;
        let Mailbox { events, received, .. } = mailbox;
        let (clock, back) = Clock::begin(store.last_ms().map_err(|error| failed(&error))?);
        if !back.is_zero() {
            tracing::warn!("the system's clock was set back by {} s; this node goes on from its own", back.as_secs());
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
        let effects = core.restore(clock.now_ms(), jobs, provided, messages).map_err(HostFailure::new)?;
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
            runs: Errands::new("run", RUNS),
            errands: Errands::new("errand", ERRANDS),
            heartbeats,
            direct: BTreeMap::new(),
            last_direct: u64::MAX,
            specs: Arc::new(Specs::new(seal)),
            pending: Pending::default(),
            counting: Counting::new(metrics),
        };
        let thread = thread::Builder::new().name("node".into()).spawn(move || turn.run(effects)).map_err(no_thread)?;
        let total = compute.map(|config| config.total);
        Ok(Self { shared, requester, total, versions: versions(&profiles), thread: Some(thread) })
    }

    /// Its name.
    pub fn me(&self) -> PeerId {
        self.shared.me
    }

    /// What it speaks and runs.
    pub fn versions(&self) -> Versions {
        self.versions.clone()
    }

    /// The time by which it decides.
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// Its jobs.
    pub fn store(&self) -> &Arc<JobStore> {
        &self.shared.store
    }

    /// Its network.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.shared.transport
    }

    /// Takes a job, whose inputs are spread over `shards`. It is on disk when this returns. The same request twice is one
    /// job.
    ///
    /// # Errors
    /// When nobody could do it, or this node does not take it.
    pub fn submit(&self, request: SignedRequest, shards: Vec<Vec<InputSpec>>) -> Result<JobId, SubmitError> {
        let client = request.check().map_err(|error| SubmitError::Refused(error.to_string()))?;
        let Some(config) = &self.requester else {
            return Err(SubmitError::Refused("this node takes no jobs: ask another, or set requester.enabled".into()));
        };
        let id = JobId::of(&request, &self.shared.me);
        if self.shared.store.has(&id).map_err(|error| failed(&error))? {
            return Ok(id);
        }
        self.may_take_jobs()?;
        request.request.spec.deal.check_bids(self.shared.nodes()).map_err(SubmitError::Refused)?;
        let addrs = self.shared.transport.addrs().iter().map(ToString::to_string).collect();
        let job = AnnouncedJob {
            id,
            request,
            requester: Answers { peer: self.shared.me, addrs },
            shards,
            created_ms: self.shared.clock.now_ms(),
            bidding_ms: config.bidding_ms,
            fair: None,
        };
        let size = job.to_dag_cbor().len();
        if size > MAX_SPEC_BYTES {
            return Err(SubmitError::Refused(format!(
                "the job with its {} shards has {size} bytes, and {MAX_SPEC_BYTES} are allowed: use larger batches",
                job.shards.len()
            )));
        }
        let stored = self.shared.store.client_bytes(&client).map_err(|error| failed(&error))?;
        let most = config.client_bytes;
        if stored.saturating_add(size as u64) > most {
            return Err(SubmitError::Quota(format!(
                "the jobs of this client take {stored} bytes here, this one has {size}, and {most} are kept of one client \
                 (requester.client_jobs_size): cancel jobs that are not needed, or wait: the oldest that have ended are \
                 forgotten, an hour after their end at the soonest"
            )));
        }
        self.ask(Input::Submit(Box::new(job)))?;
        Ok(id)
    }

    fn may_take_jobs(&self) -> Result<(), SubmitError> {
        let state = self.shared.state();
        if state.draining {
            return Err(SubmitError::Busy("this node is shutting down and takes no more jobs".into()));
        }
        match (&state.problem, &state.disk) {
            (Some(problem), _) => Err(SubmitError::Busy(format!("this node cannot write jobs: {problem}"))),
            (None, Some(problem)) => Err(SubmitError::Busy(format!("this node takes no jobs: {problem}"))),
            (None, None) => Ok(()),
        }
    }

    /// Takes a job back.
    ///
    /// # Errors
    /// When the node has ended.
    pub fn cancel(&self, job: JobId, why: &str) -> Result<(), SubmitError> {
        self.ask(Input::Cancel { job, why: why.into() })
    }

    /// Says it to the loop, and waits until what follows is on disk.
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
    ) -> Result<Option<(Vec<u8>, bool)>, String> {
        if peer == self.shared.me {
            return Ok(self.shared.work.log(execution, stderr, offset));
        }
        match self.ask_peer(peer, Message::Log { execution, stderr, offset }, LOG_PATIENCE)? {
            Reply::Log { bytes, ended } => Ok(Some((bytes, ended))),
            _ => Ok(None),
        }
    }

    /// What has become of the publications of an execution, as `peer`, which ran it, says now.
    ///
    /// # Errors
    /// When it does not answer in time, or knows of none.
    pub fn publications(&self, execution: ExecutionId, peer: PeerId) -> Result<Vec<Publication>, String> {
        if peer == self.shared.me {
            let known = self.shared.work.publications(execution, &peer);
            return known.ok_or_else(|| "nothing of it takes its time".into());
        }
        match self.ask_peer(peer, Message::Publications { execution }, NEWS_PATIENCE)? {
            Reply::Publications(publications) => Ok(publications),
            _ => Err(format!("{peer} knows of none")),
        }
    }

    /// Asks a node something that is answered at once, past the outbox.
    fn ask_peer(&self, peer: PeerId, message: Message, patience: Duration) -> Result<Reply, String> {
        let (answer, answered) = mpsc::channel();
        self.shared.events.send(Event::Direct(Box::new((peer, message)), answer)).map_err(|_| "this node has ended")?;
        answered
            .recv_timeout(patience)
            .unwrap_or_else(|_| Err(format!("{peer} did not answer within {} s", patience.as_secs())))
    }

    /// Waits until `done`, which is asked after each commit, or `patience` is over.
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

    /// Takes no more jobs, bids no more, and waits for executions that run, for `patience` at most; then for a moment for
    /// results and messages that are on their way to nodes that are connected. All else is on disk and goes on after the
    /// next start. Answers how many executions still run.
    pub fn drain(&self, patience: Duration) -> usize {
        self.shared.state().draining = true;
        if self.ask(Input::Drain).is_err() {
            return 0;
        }
        let left = self.wait_while(patience, |left| left.running > 0);
        if left.running == 0 && self.wait_while(HANDOVER, |left| left.hands_over).hands_over {
            tracing::info!("some results and messages have not been taken yet: they wait for the next start");
        }
        left.running
    }

    /// Waits while something of what is left is to be waited for, and says what is left then.
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

    /// Takes note of how the disk is: why it is full, if it is, and what there is of it. While it is full, jobs are not taken and
    /// not bid on.
    pub fn set_disk(&self, problem: Option<String>, space: DiskSpace) {
        self.shared.state().disk = problem;
        self.shared.say(Input::Disk(space));
    }

    /// Why nothing goes on, if so.
    pub fn problem(&self) -> Option<String> {
        self.shared.state().problem.clone()
    }

    /// What its executions may take together, and what of it is free.
    pub fn capacity(&self) -> (Option<Resources>, Option<Resources>) {
        (self.total, self.shared.state().free)
    }

    /// Executions of this node as a provider, newest first, and where the list goes on.
    pub fn executions(&self, query: &ExecutionQuery) -> (Vec<ExecutionStatus>, Option<u64>) {
        self.shared.provided().page(query)
    }

    /// What `peer` said that it speaks and runs.
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

    /// Tells the loop.
    pub(super) fn say(&self, input: Input) {
        // A node that has ended takes up its work when it is started again.
        let _ = self.events.send(Event::Input(Box::new(input)));
    }

    pub(super) fn set_problem(&self, problem: Option<String>) {
        self.state().problem = problem;
    }

    pub(super) fn set_load(&self, core: &Core) {
        let left = self.state().draining.then(|| self.left(core));
        let mut state = self.state();
        state.left = left;
        state.free = core.compute().map(Compute::free);
        drop(state);
        self.load_changed.notify_all();
    }

    /// The nodes that this one knows of: those to which it is connected, and itself.
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

    /// Remembers what a bidder speaks.
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
