//! The swarm's part of the network of jobs: passes announcements to validation (`gossip_validation`), finds peers (`peer_lookup`),
//! maintains bootstrap peers, relays and the peer table, and unblocks peers. Decodes nothing.

mod gossip_validation;
mod peer_lookup;
mod shared;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use libp2p::core::transport::ListenerId;
use libp2p::gossipsub;
use libp2p::kad::{self, QueryId};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, autonat, dcutr, identify, mdns};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::JobsConfig;
use crate::behaviour::{Behaviour, BehaviourEvent, JobsEvent, KAD};
use crate::connect::{is_loopback, is_spoken, peer_of};
use crate::dial_limits::DialLimits;
use crate::gossip::topic;
use crate::redial::Redial;
use crate::swarm::Command;
use gossip_validation::{judged, scored};
use peer_lookup::Reaching;
pub use shared::{Announced, JobsShared};

/// Interval of redials and unblocking.
const TICK: Duration = Duration::from_millis(100);
/// Addresses of a peer that are believed.
const ADDRS: usize = 16;
/// Peers of the local network that are dialed at once.
const NEIGHBOURS: usize = 32;

/// State of the network of jobs.
pub(crate) struct Jobs {
    shared: Arc<JobsShared>,
    config: JobsConfig,
    tick: Interval,
    bootstrap: Redial,
    relays: Redial,
    /// Dials to bootstrap peers.
    dialing: HashMap<ConnectionId, usize>,
    /// Bootstrap peers that are connected.
    held: HashMap<usize, PeerId>,
    listeners: HashMap<ListenerId, usize>,
    /// Callers that wait for a connection to a peer.
    reaching: HashMap<PeerId, Reaching>,
    lookups: HashMap<QueryId, PeerId>,
    /// Dials to peers of the local network.
    neighbours: DialLimits,
}

impl Jobs {
    pub(crate) fn new(shared: Arc<JobsShared>, config: JobsConfig) -> Self {
        let now = Instant::now();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let bootstrap = Redial::new(config.bootstrap.clone(), now);
        let circuit = |relay: &Multiaddr| relay.clone().with(Protocol::P2pCircuit);
        let relays = Redial::new(config.relays.iter().map(circuit).collect(), now);
        Self {
            shared,
            config,
            tick,
            bootstrap,
            relays,
            dialing: HashMap::new(),
            held: HashMap::new(),
            listeners: HashMap::new(),
            reaching: HashMap::new(),
            lookups: HashMap::new(),
            neighbours: DialLimits::new(),
        }
    }

    /// Ends when there is something to look after; never without jobs.
    pub(crate) async fn tick(jobs: Option<&mut Self>) {
        match jobs {
            Some(jobs) => drop(jobs.tick.tick().await),
            None => std::future::pending().await,
        }
    }

    pub(crate) fn ticked(&mut self, swarm: &mut Swarm<Behaviour>) {
        let now = Instant::now();
        for (index, addr) in self.bootstrap.due(now) {
            self.dial(swarm, index, addr);
        }
        for (index, addr) in self.relays.due(now) {
            match swarm.listen_on(addr) {
                Ok(listener) => drop(self.listeners.insert(listener, index)),
                Err(_) => self.relays.down(index, now),
            }
        }
        for peer in self.shared.budgets.release(now) {
            swarm.behaviour_mut().blocked.unblock_peer(peer);
            scored(swarm, &peer, self.shared.budgets.score(&peer, now));
        }
    }

    pub(crate) fn command(&mut self, swarm: &mut Swarm<Behaviour>, command: Command) {
        match command {
            Command::Reach { peer, addrs, reply } => self.reach(swarm, peer, addrs, reply),
            Command::Publish(data) => {
                let Some(jobs) = swarm.behaviour_mut().jobs.as_mut() else { return };
                let bytes = data.len();
                match jobs.gossip.publish(topic(), data) {
                    Ok(_) => self.shared.counting.sent(bytes),
                    // There are no subscribers yet. The requester announces again while bids are lacking.
                    Err(error) => tracing::debug!(%error, "no peers subscribed to the topic; announcement dropped"),
                }
            }
            Command::Judged { id, from, verdict } => judged(swarm, &id, &from, verdict),
            Command::Score(peer, score) => scored(swarm, &peer, score),
            Command::Block(peer) => self.block(swarm, peer),
            Command::Dial { .. } | Command::Disconnect(_) => {}
        }
    }

    pub(crate) fn event(&mut self, swarm: &mut Swarm<Behaviour>, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. })) => {
                self.identified(swarm, peer_id, info);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Jobs(event)) => self.jobs_event(swarm, event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.shared.peer_table.connected(peer_id, endpoint.get_remote_address());
                if let Some(index) = self.dialing.remove(&connection_id) {
                    self.bootstrap.up(index);
                    self.held.insert(index, peer_id);
                }
                self.reached(&peer_id);
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.shared.peer_table.gone(&peer_id);
                let lost: Vec<usize> =
                    self.held.extract_if(|_, held| *held == peer_id).map(|(index, _)| index).collect();
                for index in lost {
                    self.bootstrap.down(index, Instant::now());
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, peer_id, error, .. } => {
                if let Some(index) = self.dialing.remove(&connection_id) {
                    self.bootstrap.down(index, Instant::now());
                }
                if let Some(peer) = peer_id {
                    self.not_reached(swarm, peer, connection_id, &(&error).into());
                }
            }
            SwarmEvent::NewListenAddr { listener_id, address } => self.listens(swarm, listener_id, address),
            SwarmEvent::ExpiredListenAddr { address, .. } | SwarmEvent::ExternalAddrExpired { address } => {
                self.addrs(|addrs| addrs.retain(|addr| *addr != address));
            }
            SwarmEvent::ExternalAddrConfirmed { address } => self.addr(address),
            SwarmEvent::ListenerClosed { listener_id, addresses, .. } => {
                self.addrs(|addrs| addrs.retain(|addr| !addresses.contains(addr)));
                if let Some(index) = self.listeners.remove(&listener_id) {
                    self.relays.down(index, Instant::now());
                }
            }
            _ => {}
        }
    }

    fn jobs_event(&mut self, swarm: &mut Swarm<Behaviour>, event: JobsEvent) {
        match event {
            JobsEvent::Gossip(gossipsub::Event::Message { propagation_source, message_id, message }) => {
                self.announced(swarm, propagation_source, &message_id, message);
            }
            JobsEvent::Gossip(gossipsub::Event::Subscribed { peer_id, .. }) => {
                self.shared.peer_table.listens(peer_id, true);
            }
            JobsEvent::Gossip(gossipsub::Event::Unsubscribed { peer_id, .. }) => {
                self.shared.peer_table.listens(peer_id, false);
            }
            JobsEvent::Kad(kad::Event::OutboundQueryProgressed {
                id,
                result: kad::QueryResult::GetClosestPeers(result),
                step,
                ..
            }) => {
                let found = match result {
                    Ok(found) => found.peers,
                    Err(kad::GetClosestPeersError::Timeout { peers, .. }) => peers,
                };
                self.looked_up(swarm, id, found, step.last);
            }
            JobsEvent::Dcutr(dcutr::Event { remote_peer_id: peer, result }) => match result {
                Ok(_) => tracing::debug!(%peer, "reached directly, and not only through a relay"),
                Err(error) => tracing::debug!(%peer, %error, "reached through a relay only"),
            },
            JobsEvent::Reachable(autonat::v2::client::Event { server, tested_addr, result, .. }) => match result {
                Ok(()) => tracing::debug!(%tested_addr, %server, "others can connect here"),
                Err(error) => tracing::debug!(%tested_addr, %server, %error, "others cannot connect here"),
            },
            JobsEvent::Mdns(mdns::Event::Discovered(found)) => {
                let now = Instant::now();
                for (peer, addr) in found.into_iter().take(NEIGHBOURS) {
                    if !swarm.is_connected(&peer) && self.neighbours.allowed(&addr, now) {
                        let _ = swarm.dial(DialOpts::peer_id(peer).addresses(vec![addr]).build());
                    }
                }
            }
            _ => {}
        }
    }

    fn dial(&mut self, swarm: &mut Swarm<Behaviour>, index: usize, addr: Multiaddr) {
        if let Some(peer) = peer_of(&addr).filter(|peer| swarm.is_connected(peer)) {
            self.bootstrap.up(index);
            self.held.insert(index, peer);
            return;
        }
        let options = match peer_of(&addr) {
            Some(peer) => DialOpts::peer_id(peer).addresses(vec![addr]).condition(PeerCondition::Always).build(),
            None => DialOpts::unknown_peer_id().address(addr).build(),
        };
        self.dialing.insert(options.connection_id(), index);
        // An error is an event too, unless the dial is not even begun.
        let connection = options.connection_id();
        if swarm.dial(options).is_err() && self.dialing.remove(&connection).is_some() {
            self.bootstrap.down(index, Instant::now());
        }
    }

    fn identified(&self, swarm: &mut Swarm<Behaviour>, peer: PeerId, info: identify::Info) {
        // Loopback addresses of a remote peer do not refer to this machine.
        let near = self.shared.peer_table.remote(&peer).is_some_and(|remote| is_loopback(&remote));
        let believed = |addr: &Multiaddr| is_spoken(addr) && (near || !is_loopback(addr));
        let addrs: Vec<Multiaddr> = info.listen_addrs.into_iter().filter(believed).take(ADDRS).collect();
        if let Some(jobs) = swarm.behaviour_mut().jobs.as_mut().filter(|_| info.protocols.contains(&KAD)) {
            for addr in &addrs {
                jobs.kad.add_address(&peer, addr.clone());
            }
        }
        self.shared.peer_table.identified(peer, addrs, info.agent_version);
    }

    fn listens(&mut self, swarm: &mut Swarm<Behaviour>, listener: ListenerId, addr: Multiaddr) {
        if let Some(index) = self.listeners.get(&listener) {
            self.relays.up(*index);
            return self.addr(addr);
        }
        if self.config.reachable {
            swarm.add_external_address(addr.clone());
        }
        self.addr(addr);
    }

    fn addr(&self, addr: Multiaddr) {
        self.addrs(|addrs| {
            if !addrs.contains(&addr) {
                addrs.push(addr);
            }
        });
    }

    fn addrs(&self, change: impl FnOnce(&mut Vec<Multiaddr>)) {
        change(&mut self.shared.addrs.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
