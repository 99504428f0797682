//! The task that owns the swarm: listens, dials, and answers callers. `jobs` has its part of the network of jobs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::transport::ListenerId;
use libp2p::gossipsub::{MessageAcceptance, MessageId};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, relay, swarm};
use tokio::sync::{mpsc, oneshot, watch};

use super::behaviour::{Behaviour, BehaviourEvent, Parts};
use super::connect::{is_spoken, peer_of, transport};
use super::jobs::{Jobs, JobsShared};
use super::streams::{self, Open, Shared};
use super::{ConnectError, HostConfig, TransportError};

/// How long a connection that others made is kept without a stream on it.
const IDLE: Duration = Duration::from_mins(5);
/// Streams of one connection that are being agreed on. kubo opens one for each block, many at once.
const NEGOTIATING: usize = 512;

/// Receiver of a dial's result.
pub(super) type Reply = SyncSender<Result<PeerId, ConnectError>>;

/// Commands to the task. All except the first two are for jobs.
#[derive(Debug)]
pub(super) enum Command {
    Dial {
        addr: Multiaddr,
        reply: Reply,
    },
    Disconnect(PeerId),
    /// Connect to a peer, wherever it is.
    Reach {
        peer: PeerId,
        addrs: Vec<Multiaddr>,
        reply: oneshot::Sender<Result<(), ConnectError>>,
    },
    Publish(Vec<u8>),
    /// An announcement that `from` handed on was looked at.
    Judged {
        id: MessageId,
        from: PeerId,
        verdict: MessageAcceptance,
    },
    /// The peer's score with gossip is this.
    Score(PeerId, f64),
    Block(PeerId),
}

/// All that the task needs to begin.
pub(super) struct Start {
    pub(super) config: HostConfig,
    pub(super) shared: Arc<Shared>,
    pub(super) jobs: Option<Arc<JobsShared>>,
    pub(super) opening: mpsc::UnboundedReceiver<Open>,
    /// Receives the listen addresses or the error, once.
    pub(super) listening: SyncSender<Result<Vec<Multiaddr>, TransportError>>,
}

struct Task {
    swarm: Swarm<Behaviour>,
    shared: Arc<Shared>,
    jobs: Option<Jobs>,
    dials: HashMap<ConnectionId, (Multiaddr, Reply)>,
    /// Listeners without a known address.
    starting: HashMap<ListenerId, Multiaddr>,
    addrs: Vec<Multiaddr>,
    listening: Option<SyncSender<Result<Vec<Multiaddr>, TransportError>>>,
}

impl Start {
    pub(super) async fn run(
        self,
        mut received: mpsc::UnboundedReceiver<Command>,
        // Ends with the host.
        mut alive: watch::Receiver<()>,
    ) {
        let listening = self.listening.clone();
        let mut task = match self.task() {
            Ok(task) => task,
            Err(error) => return drop(listening.send(Err(error))),
        };
        loop {
            tokio::select! {
                command = received.recv() => match command {
                    Some(command) => task.command(command),
                    None => return,
                },
                event = task.swarm.select_next_some() => task.event(event),
                () = Jobs::tick(task.jobs.as_mut()) => {
                    if let Some(jobs) = &mut task.jobs {
                        jobs.ticked(&mut task.swarm);
                    }
                }
                // Its other end is never written to, only dropped.
                _ = alive.changed() => return,
            }
        }
    }

    fn task(self) -> Result<Task, TransportError> {
        let Self { config, shared, jobs, opening, listening } = self;
        let peer = config.identity.peer_id();
        let (carried, relayed) = jobs.is_some().then(|| relay::client::new(peer)).unzip();
        let budgets = jobs.as_ref().map(|jobs| jobs.budgets.clone());
        let parts = Parts { streams: streams::Behaviour::new(shared.clone(), opening), budgets, relayed };
        let behaviour = Behaviour::new(&config, parts)?;
        let settings = swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(IDLE)
            .with_max_negotiating_inbound_streams(NEGOTIATING);
        let transport = transport(config.identity.keypair(), config.dial_timeout, carried)?;
        let swarm = Swarm::new(transport, behaviour, peer, settings);
        let jobs = jobs.zip(config.jobs).map(|(shared, config)| Jobs::new(shared, config));
        let (dials, starting) = (HashMap::new(), HashMap::new());
        let mut task = Task { swarm, shared, jobs, dials, starting, addrs: Vec::new(), listening: Some(listening) };
        task.listen(config.listen);
        Ok(task)
    }
}

impl Task {
    fn command(&mut self, command: Command) {
        match command {
            Command::Dial { addr, reply } => self.dial(addr, reply),
            Command::Disconnect(peer) => drop(self.swarm.disconnect_peer_id(peer)),
            other => {
                if let Some(jobs) = &mut self.jobs {
                    jobs.command(&mut self.swarm, other);
                }
            }
        }
    }

    fn listen(&mut self, addrs: Vec<Multiaddr>) {
        for addr in addrs {
            match self.swarm.listen_on(addr.clone()) {
                Ok(listener) => drop(self.starting.insert(listener, addr)),
                Err(error) => return self.listens(Err(TransportError::listen(&addr, &ConnectError::from(&error)))),
            }
        }
        self.listens_if_all_do();
    }

    fn listens(&mut self, result: Result<Vec<Multiaddr>, TransportError>) {
        if let Some(listening) = self.listening.take() {
            let _ = listening.send(result);
        }
    }

    fn listens_if_all_do(&mut self) {
        if self.starting.is_empty() {
            let addrs = std::mem::take(&mut self.addrs);
            self.listens(Ok(addrs));
        }
    }

    fn dial(&mut self, addr: Multiaddr, reply: Reply) {
        if !is_spoken(&addr) {
            return self.dialed(&addr, &reply, Err(ConnectError::Unsupported));
        }
        let peer = peer_of(&addr);
        if let Some(peer) = peer.filter(|peer| self.swarm.is_connected(peer)) {
            return self.dialed(&addr, &reply, Ok(peer));
        }
        let options = match peer {
            Some(peer) => {
                DialOpts::peer_id(peer).addresses(vec![addr.clone()]).condition(PeerCondition::Always).build()
            }
            None => DialOpts::unknown_peer_id().address(addr.clone()).build(),
        };
        let connection = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => drop(self.dials.insert(connection, (addr, reply))),
            Err(error) => self.dialed(&addr, &reply, Err((&error).into())),
        }
    }

    fn dialed(&self, addr: &Multiaddr, reply: &Reply, result: Result<PeerId, ConnectError>) {
        self.shared.dial_ends(result.as_ref().err().map(|why| format!("{addr}: {why}")));
        let _ = reply.send(result);
    }

    fn event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match &event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
                if let Some((addr, reply)) = self.dials.remove(connection_id) {
                    self.dialed(&addr, &reply, Ok(*peer_id));
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some((addr, reply)) = self.dials.remove(connection_id) {
                    self.dialed(&addr, &reply, Err(error.into()));
                }
            }
            SwarmEvent::NewListenAddr { listener_id, address } => {
                self.starting.remove(listener_id);
                self.addrs.push(address.clone());
                self.listens_if_all_do();
            }
            SwarmEvent::ListenerClosed { listener_id, reason: Err(error), .. }
            | SwarmEvent::ListenerError { listener_id, error } => {
                if let Some(addr) = self.starting.remove(listener_id) {
                    self.listens(Err(TransportError::listen(&addr, error)));
                }
            }
            _ => {}
        }
        if let Some(jobs) = &mut self.jobs {
            jobs.event(&mut self.swarm, event);
        }
    }
}
