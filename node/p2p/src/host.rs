//! The node as the rest of the process sees it: it is started, it has a name and addresses, it connects, it ends when it
//! is dropped. Everything here may be called from any thread that is not one of the node's own.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::{Duration, Instant};

use libp2p::gossipsub::MessageAcceptance;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol};
use tokio::sync::{mpsc, oneshot, watch};

use super::jobs::{Announced, JobsShared};
use super::streams::{Open, Shared};
use super::swarm::{self, Command};
use super::{ConnectError, Dial, HostConfig, Identity, OpenError, PeerEvent, PeerStream, Threads, TransportError};

/// Added to the dial timeout for overhead.
const GRACE: Duration = Duration::from_secs(2);

/// Starts connecting to an address, and returns at once. The result is not reported.
pub type Dialer = Arc<dyn Fn(&Multiaddr) + Send + Sync>;

/// A running peer-to-peer node.
pub struct Host {
    handle: HostHandle,
    addrs: Vec<Multiaddr>,
    /// Everything of the node ends when this is dropped.
    _alive: watch::Sender<()>,
    _threads: Threads,
}

/// The node for protocols: it does not keep it running.
#[derive(Clone)]
pub struct HostHandle {
    identity: Identity,
    runtime: tokio::runtime::Handle,
    commands: mpsc::UnboundedSender<Command>,
    requests: mpsc::UnboundedSender<Open>,
    shared: Arc<Shared>,
    jobs: Option<Arc<JobsShared>>,
    dial_timeout: Duration,
    alive: watch::Receiver<()>,
}

impl Host {
    /// Starts a node, and waits until it listens.
    ///
    /// # Errors
    /// When it cannot listen, or threads cannot be started.
    pub fn start(config: &HostConfig) -> Result<Self, TransportError> {
        let threads = match &config.shared {
            Some(threads) => threads.clone(),
            None => Threads::start(config.threads)?,
        };
        let (commands, received) = mpsc::unbounded_channel();
        let (requests, opening) = mpsc::unbounded_channel();
        let (ends, alive) = watch::channel(());
        let shared = Arc::new(Shared::default());
        let jobs = config.jobs.as_ref().map(|jobs| Arc::new(JobsShared::new(jobs)));
        let (listening, addrs) = std_mpsc::sync_channel(1);
        let (shared_jobs, dial_timeout) = (jobs.clone(), config.dial_timeout);
        let swarm =
            swarm::Start { config: config.clone(), shared: shared.clone(), jobs: shared_jobs, opening, listening };
        let runtime = threads.handle().clone();
        runtime.spawn(swarm.run(received, alive.clone()));
        let identity = config.identity.clone();
        let peer_id = identity.peer_id();
        let handle = HostHandle { identity, runtime, commands, requests, shared, jobs, dial_timeout, alive };
        // From here on a failure ends the task with the rest.
        let mut host = Self { handle, addrs: Vec::new(), _alive: ends, _threads: threads };
        let stopped = |_| std::io::Error::other("the network stopped while it was started");
        let found = addrs.recv().map_err(stopped)??;
        host.addrs = found.into_iter().map(|addr| addr.with(Protocol::P2p(peer_id))).collect();
        Ok(host)
    }

    /// The peer ID.
    pub fn peer_id(&self) -> PeerId {
        self.handle.peer_id()
    }

    /// The identity.
    pub fn identity(&self) -> &Identity {
        self.handle.identity()
    }

    /// Where others reach it, as [`connect`](Self::connect) takes them. Empty if it does not listen.
    pub fn listen_addrs(&self) -> &[Multiaddr] {
        &self.addrs
    }

    /// Connects to `addr`. If it ends with `/p2p/…`, the peer must match.
    ///
    /// # Errors
    /// [`TransportError::Connect`] with the reason.
    pub fn connect(&self, addr: &Multiaddr) -> Result<PeerId, TransportError> {
        self.dial(addr).wait()
    }

    /// Begins to connect and returns at once.
    pub fn dial(&self, addr: &Multiaddr) -> Dial {
        self.handle.dial(addr)
    }

    /// A dialer that works while the node runs, and does not keep it running.
    pub fn dialer(&self) -> Dialer {
        let handle = self.handle.clone();
        Arc::new(move |addr| drop(handle.dial(addr)))
    }

    /// The node for protocols.
    pub fn handle(&self) -> &HostHandle {
        &self.handle
    }
}

impl HostHandle {
    /// The peer id of the node.
    pub fn peer_id(&self) -> PeerId {
        self.identity.peer_id()
    }

    /// The identity of the node.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The shared state of the network of jobs. `None` for a node that was started without a [`JobsConfig`](crate::JobsConfig).
    pub fn jobs(&self) -> Option<&Arc<JobsShared>> {
        self.jobs.as_ref()
    }

    fn command(&self, command: Command) {
        // Without a swarm's task the node has stopped.
        let _ = self.commands.send(command);
    }

    /// Publishes `message` to all subscribers of the topic of jobs.
    pub fn publish(&self, message: Vec<u8>) {
        self.command(Command::Publish(message));
    }

    /// Tells gossip whether to relay `announced`.
    pub fn judge(&self, announced: &Announced, verdict: MessageAcceptance) {
        self.command(Command::Judged { id: announced.id.clone(), from: announced.from, verdict });
    }

    /// Sets the application score of `peer` with gossip.
    pub fn score(&self, peer: PeerId, score: f64) {
        self.command(Command::Score(peer, score));
    }

    /// Closes the connections of `peer` and accepts none from it until its budget recovers.
    pub fn block(&self, peer: PeerId) {
        self.command(Command::Block(peer));
    }

    /// Connects to `peer` at `addrs` or at addresses known to other nodes, unless connected. Returns the error.
    pub fn reach(&self, peer: PeerId, addrs: Vec<Multiaddr>) -> oneshot::Receiver<Result<(), ConnectError>> {
        let (reply, reached) = oneshot::channel();
        self.command(Command::Reach { peer, addrs, reply });
        reached
    }

    /// Begins to connect to `addr` and returns at once.
    pub fn dial(&self, addr: &Multiaddr) -> Dial {
        let (reply, result) = std_mpsc::sync_channel(1);
        self.shared.dial_begins();
        if self.commands.send(Command::Dial { addr: addr.clone(), reply }).is_err() {
            self.shared.dial_ends(Some(format!("{addr}: the network has stopped")));
        }
        Dial { addr: addr.clone(), result, deadline: Instant::now() + self.dial_timeout + GRACE }
    }

    /// Whether a dial is in progress.
    pub fn dialing(&self) -> bool {
        self.shared.dialing()
    }

    /// Closes all connections to `peer`.
    pub fn disconnect(&self, peer: PeerId) {
        self.command(Command::Disconnect(peer));
    }

    /// Takes streams of `protocol`, up to `depth` that wait to be taken.
    pub fn accept(&self, protocol: StreamProtocol, depth: usize) -> mpsc::Receiver<PeerStream> {
        self.shared.register(protocol, depth)
    }

    /// Calls `watcher` on every event of connections, from the task that owns the swarm: it must return quickly.
    pub fn watch(&self, watcher: impl Fn(PeerEvent) + Send + Sync + 'static) {
        self.shared.watch(Arc::new(watcher));
    }

    /// Opens a stream to a connected peer.
    ///
    /// # Errors
    /// When the peer is not connected, does not support `protocol`, or has too many streams.
    pub async fn open(&self, peer: PeerId, protocol: StreamProtocol) -> Result<Stream, OpenError> {
        let (reply, opened) = oneshot::channel();
        let _ = self.requests.send(Open { peer, protocol, reply });
        opened.await.unwrap_or_else(|_| Err(OpenError::Lost))
    }

    /// Runs a task on the node's threads, as long as the node runs: it is dropped where it waits.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut alive = self.alive.clone();
        self.runtime.spawn(async move {
            tokio::select! {
                () = task => {}
                _ = alive.changed() => {}
            }
        });
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("peer_id", &self.peer_id()).field("addrs", &self.addrs).finish_non_exhaustive()
    }
}

impl fmt::Debug for HostHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostHandle").field("peer_id", &self.peer_id()).finish_non_exhaustive()
    }
}
