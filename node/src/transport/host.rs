//! The node as the rest of the process sees it: it is started, it has a name and addresses, it connects, it ends when it
//! is dropped. Everything here may be called from any thread that is not one of the node's own.

use std::fmt;
use std::future::Future;
use std::num::NonZero;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::{Duration, Instant};

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol};
use tokio::sync::{mpsc, oneshot};

use super::streams::{Open, Shared};
use super::swarm::{self, Command};
use super::{Dial, Identity, OpenError, PeerEvent, PeerStream, TransportError};

/// Longer than a dial may take, for what comes around it.
const GRACE: Duration = Duration::from_secs(2);

/// How a node is started.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Who it is.
    pub identity: Identity,
    /// Where others reach it, such as `/ip4/127.0.0.1/tcp/0`. With none it only dials.
    pub listen: Vec<Multiaddr>,
    /// How long a dial may take, from the first packet to the agreed multiplexer.
    pub dial_timeout: Duration,
    /// Threads. Encryption and hashing run on them.
    pub threads: NonZero<usize>,
}

/// A running node.
pub struct Host {
    handle: HostHandle,
    addrs: Vec<Multiaddr>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// The node for protocols: it does not keep it running.
#[derive(Clone)]
pub(crate) struct HostHandle {
    peer_id: PeerId,
    runtime: tokio::runtime::Handle,
    commands: mpsc::UnboundedSender<Command>,
    requests: mpsc::UnboundedSender<Open>,
    shared: Arc<Shared>,
    dial_timeout: Duration,
}

impl Default for HostConfig {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self {
            identity: Identity::ephemeral(),
            listen: Vec::new(),
            dial_timeout: Duration::from_secs(10),
            threads: threads.clamp(NonZero::<usize>::MIN, const { NonZero::new(4).unwrap() }),
        }
    }
}

impl Host {
    /// Starts a node, and waits until it listens.
    ///
    /// # Errors
    /// When it cannot listen where it should, or there are no threads to be had.
    pub fn start(config: &HostConfig) -> Result<Self, TransportError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.threads.get())
            .thread_name("network")
            .enable_all()
            .build()?;
        let (commands, received) = mpsc::unbounded_channel();
        let (requests, opening) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::default());
        let (listening, addrs) = std_mpsc::sync_channel(1);
        let swarm = swarm::Start { config: config.clone(), shared: shared.clone(), received, opening, listening };
        runtime.spawn(swarm.run());
        let peer_id = config.identity.peer_id();
        let dial_timeout = config.dial_timeout;
        let handle =
            HostHandle { peer_id, runtime: runtime.handle().clone(), commands, requests, shared, dial_timeout };
        // From here on a failure drops the runtime with the rest.
        let mut host = Self { handle, addrs: Vec::new(), runtime: Some(runtime) };
        let stopped = |_| std::io::Error::other("the network stopped while it was started");
        let found = addrs.recv().map_err(stopped)??;
        host.addrs = found.into_iter().map(|addr| addr.with(Protocol::P2p(peer_id))).collect();
        Ok(host)
    }

    /// How others know it.
    pub fn peer_id(&self) -> PeerId {
        self.handle.peer_id
    }

    /// Where others reach it, as [`connect`](Self::connect) takes them. Empty if it does not listen.
    pub fn listen_addrs(&self) -> &[Multiaddr] {
        &self.addrs
    }

    /// Connects to whoever is at `addr`. If the address ends with `/p2p/…`, it has to be that peer.
    ///
    /// # Errors
    /// [`TransportError::Connect`], which says what happened.
    pub fn connect(&self, addr: &Multiaddr) -> Result<PeerId, TransportError> {
        self.dial(addr).wait()
    }

    /// Begins to connect and returns at once.
    pub fn dial(&self, addr: &Multiaddr) -> Dial {
        self.handle.dial(addr)
    }

    pub(crate) fn handle(&self) -> &HostHandle {
        &self.handle
    }
}

/// Ends the node: connections are closed by the system, tasks stop where they wait.
impl Drop for Host {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl HostHandle {
    pub(crate) fn dial(&self, addr: &Multiaddr) -> Dial {
        let (reply, result) = std_mpsc::sync_channel(1);
        self.shared.dial_begins();
        if self.commands.send(Command::Dial { addr: addr.clone(), reply }).is_err() {
            self.shared.dial_ends(Some(format!("{addr}: the network has stopped")));
        }
        Dial { addr: addr.clone(), result, deadline: Instant::now() + self.dial_timeout + GRACE }
    }

    /// Whether somebody may be connected soon.
    pub(crate) fn dialing(&self) -> bool {
        self.shared.dialing()
    }

    /// Closes all connections to `peer`.
    pub(crate) fn disconnect(&self, peer: PeerId) {
        let _ = self.commands.send(Command::Disconnect(peer));
    }

    /// Takes streams of `protocol`, up to `depth` that wait to be taken.
    pub(crate) fn accept(&self, protocol: StreamProtocol, depth: usize) -> mpsc::Receiver<PeerStream> {
        self.shared.register(protocol, depth)
    }

    /// See [`Shared::watch`].
    pub(crate) fn watch(&self, watcher: impl Fn(PeerEvent) + Send + Sync + 'static) {
        self.shared.watch(Arc::new(watcher));
    }

    /// Opens a stream to a peer that is connected.
    pub(crate) async fn open(&self, peer: PeerId, protocol: StreamProtocol) -> Result<Stream, OpenError> {
        let (reply, opened) = oneshot::channel();
        let _ = self.requests.send(Open { peer, protocol, reply });
        opened.await.unwrap_or_else(|_| Err(OpenError::Lost))
    }

    /// Runs a task on the node's threads, as long as the node runs.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("peer_id", &self.peer_id()).field("addrs", &self.addrs).finish_non_exhaustive()
    }
}

impl fmt::Debug for HostHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostHandle").field("peer_id", &self.peer_id).finish_non_exhaustive()
    }
}
