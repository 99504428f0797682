//! The task that owns the swarm: listens, dials, and answers those who wait for either.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, ListenerId};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, Transport, dns, noise, swarm, tcp, yamux};
use tokio::sync::mpsc;

use super::behaviour::{Behaviour, BehaviourEvent};
use super::streams::{self, Open, Shared};
use super::{HostConfig, TransportError};

/// How long a connection that others made is kept without a stream on it.
const IDLE: Duration = Duration::from_mins(5);
/// Streams of one connection that are being agreed on. kubo opens one for each block, many at once.
const NEGOTIATING: usize = 512;

const SPOKEN: &str =
    "only /ip4, /ip6, /dns and /dnsaddr addresses with /tcp are spoken, such as /ip4/127.0.0.1/tcp/4001/p2p/PEER";

type Reply = SyncSender<Result<PeerId, String>>;

/// What the task can be told.
#[derive(Debug)]
pub(super) enum Command {
    Dial { addr: Multiaddr, reply: Reply },
    Disconnect(PeerId),
}

/// All that the task needs to begin.
pub(super) struct Start {
    pub(super) config: HostConfig,
    pub(super) shared: Arc<Shared>,
    pub(super) received: mpsc::UnboundedReceiver<Command>,
    pub(super) opening: mpsc::UnboundedReceiver<Open>,
    /// Told once: where the node listens, or why it does not.
    pub(super) listening: SyncSender<Result<Vec<Multiaddr>, TransportError>>,
}

struct Task {
    swarm: Swarm<Behaviour>,
    shared: Arc<Shared>,
    dials: HashMap<ConnectionId, (Multiaddr, Reply)>,
    /// Listeners that have not said yet where they are.
    starting: HashMap<ListenerId, Multiaddr>,
    addrs: Vec<Multiaddr>,
    listening: Option<SyncSender<Result<Vec<Multiaddr>, TransportError>>>,
}

impl Start {
    pub(super) async fn run(self) {
        let Self { config, shared, mut received, opening, listening } = self;
        let key = config.identity.keypair();
        let behaviour = Behaviour::new(key.public(), streams::Behaviour::new(shared.clone(), opening));
        let settings = swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(IDLE)
            .with_max_negotiating_inbound_streams(NEGOTIATING);
        let transport = match transport(key, config.dial_timeout) {
            Ok(transport) => transport,
            Err(error) => return drop(listening.send(Err(error.into()))),
        };
        let swarm = Swarm::new(transport, behaviour, config.identity.peer_id(), settings);
        let (dials, starting) = (HashMap::new(), HashMap::new());
        let mut task = Task { swarm, shared, dials, starting, addrs: Vec::new(), listening: Some(listening) };
        task.listen(config.listen);
        loop {
            tokio::select! {
                command = received.recv() => match command {
                    Some(Command::Dial { addr, reply }) => task.dial(addr, reply),
                    Some(Command::Disconnect(peer)) => drop(task.swarm.disconnect_peer_id(peer)),
                    None => return,
                },
                event = task.swarm.select_next_some() => task.event(event),
            }
        }
    }
}

impl Task {
    fn listen(&mut self, addrs: Vec<Multiaddr>) {
        for addr in addrs {
            match self.swarm.listen_on(addr.clone()) {
                Ok(listener) => drop(self.starting.insert(listener, addr)),
                Err(error) => return self.listens(Err(TransportError::listen(&addr, &transport_why(&error)))),
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
            return self.dialed(&addr, &reply, Err(SPOKEN.into()));
        }
        let peer = addr.iter().find_map(|part| match part {
            Protocol::P2p(peer) => Some(peer),
            _ => None,
        });
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
            Err(error) => self.dialed(&addr, &reply, Err(why(&error))),
        }
    }

    fn dialed(&self, addr: &Multiaddr, reply: &Reply, result: Result<PeerId, String>) {
        self.shared.dial_ends(result.as_ref().err().map(|why| format!("{addr}: {why}")));
        let _ = reply.send(result);
    }

    fn event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, .. } => {
                if let Some((addr, reply)) = self.dials.remove(&connection_id) {
                    self.dialed(&addr, &reply, Ok(peer_id));
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some((addr, reply)) = self.dials.remove(&connection_id) {
                    self.dialed(&addr, &reply, Err(why(&error)));
                }
            }
            SwarmEvent::NewListenAddr { listener_id, address } => {
                self.starting.remove(&listener_id);
                self.addrs.push(address);
                self.listens_if_all_do();
            }
            SwarmEvent::ListenerClosed { listener_id, reason: Err(error), .. }
            | SwarmEvent::ListenerError { listener_id, error } => {
                if let Some(addr) = self.starting.remove(&listener_id) {
                    self.listens(Err(TransportError::listen(&addr, &error)));
                }
            }
            _ => {}
        }
    }
}

/// TCP with names resolved by the system, noise, yamux. A machine without a resolver still reaches numbers.
fn transport(key: &Keypair, timeout: Duration) -> std::io::Result<Boxed<(PeerId, StreamMuxerBox)>> {
    let noise = noise::Config::new(key).map_err(std::io::Error::other)?;
    let tcp = || tcp::tokio::Transport::new(tcp::Config::default().nodelay(true));
    let plain = match dns::tokio::Transport::system(tcp()) {
        Ok(named) => named.map(|stream, _| stream).boxed(),
        Err(_) => tcp().boxed(),
    };
    let upgraded = plain.upgrade(Version::V1Lazy).authenticate(noise).multiplex(yamux::Config::default());
    Ok(upgraded.timeout(timeout).map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))).boxed())
}

/// Whether the address is one of those that are spoken. What it names may still not be there.
fn is_spoken(addr: &Multiaddr) -> bool {
    let mut parts = addr.iter();
    let host = parts.next();
    let is_tcp = matches!(parts.next(), Some(Protocol::Tcp(_))) && parts.all(|part| matches!(part, Protocol::P2p(_)));
    match host {
        Some(Protocol::Ip4(_) | Protocol::Ip6(_) | Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_)) => is_tcp,
        Some(Protocol::Dnsaddr(_)) => true,
        _ => false,
    }
}

/// In one line, for people.
fn why(error: &DialError) -> String {
    match error {
        DialError::LocalPeerId { .. } => "that is this node itself".into(),
        DialError::WrongPeerId { obtained, .. } => format!("the peer there is {obtained}"),
        DialError::Denied { .. } => "this node has as many connections as it may have".into(),
        DialError::Transport(tried) => {
            let tried: Vec<_> = tried.iter().map(|(_, error)| transport_why(error)).collect();
            tried.join("; ")
        }
        other => other.to_string().replace('\n', " "),
    }
}

fn transport_why(error: &libp2p::TransportError<std::io::Error>) -> String {
    match error {
        libp2p::TransportError::MultiaddrNotSupported(_) => SPOKEN.into(),
        libp2p::TransportError::Other(error) => innermost(error),
    }
}

/// What is wrong at the bottom: what is around it repeats itself.
fn innermost(error: &std::io::Error) -> String {
    let mut at: &dyn std::error::Error = error;
    while let Some(source) = at.source() {
        at = source;
    }
    // The resolver's errors are lists of lines, under a headline.
    let text = at.to_string();
    let lines: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("- ")).collect();
    if lines.is_empty() { text } else { lines.join("; ") }
}
