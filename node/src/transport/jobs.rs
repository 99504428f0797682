//! The swarm's part in the network of jobs: hands announcements to be looked at, keeps bootstrap peers and relays, finds
//! peers that are to be reached, keeps the roster, lets in again who was blocked. It decodes nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use libp2p::core::transport::ListenerId;
use libp2p::gossipsub::{self, MessageAcceptance, MessageId};
use libp2p::kad::{self, QueryId};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, mdns};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::JobsConfig;
use super::behaviour::{Behaviour, BehaviourEvent, JobsEvent, KAD};
use super::budgets::{Admission, Cost, PeerBudgets};
use super::connect::{is_loopback, is_spoken, peer_of, why};
use super::counters::Counting;
use super::gossip::topic;
use super::redial::Redial;
use super::roster::Roster;
use super::swarm::Command;

/// How often it is looked who is to be dialed again, or let in again.
const TICK: Duration = Duration::from_millis(100);
/// Addresses of a peer that are believed.
const ADDRS: usize = 16;
/// Announcements that wait to be looked at.
const WAITING: usize = 1024;
/// Peers of the local network that are dialed at once.
const NEIGHBOURS: usize = 32;

/// What the task and the rest of the process share.
#[derive(Debug)]
pub(super) struct JobsShared {
    pub(super) budgets: Arc<PeerBudgets>,
    pub(super) roster: Roster,
    pub(super) counting: Counting,
    /// Addresses at which others reach this node.
    pub(super) addrs: Mutex<Vec<Multiaddr>>,
    announced: mpsc::Sender<Announced>,
    /// Taken once, by the network.
    pub(super) announcements: Mutex<Option<mpsc::Receiver<Announced>>>,
}

/// An announcement as it came. Gossip has checked its author's signature.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) id: MessageId,
    /// Who handed it on.
    pub(super) from: PeerId,
    pub(super) author: PeerId,
    pub(super) data: Vec<u8>,
}

/// See the module.
pub(super) struct Jobs {
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
    /// Who waits for a connection to a peer.
    reaching: HashMap<PeerId, Reaching>,
    lookups: HashMap<QueryId, PeerId>,
}

#[derive(Default)]
struct Reaching {
    waiting: Vec<oneshot::Sender<Result<(), String>>>,
    dial: Option<ConnectionId>,
    /// Whether the other nodes were asked where it is.
    asked: bool,
}

impl JobsShared {
    pub(super) fn new(config: &JobsConfig) -> Self {
        let (announced, announcements) = mpsc::channel(WAITING);
        Self {
            budgets: Arc::new(PeerBudgets::new(config.budgets.clone())),
            roster: Roster::default(),
            counting: Counting::default(),
            addrs: Mutex::default(),
            announced,
            announcements: Mutex::new(Some(announcements)),
        }
    }
}

impl Jobs {
    pub(super) fn new(shared: Arc<JobsShared>, config: JobsConfig) -> Self {
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
        }
    }

    /// Ends when there is something to look after; never without jobs.
    pub(super) async fn tick(jobs: Option<&mut Self>) {
        match jobs {
            Some(jobs) => drop(jobs.tick.tick().await),
            None => std::future::pending().await,
        }
    }

    pub(super) fn ticked(&mut self, swarm: &mut Swarm<Behaviour>) {
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
            self.score(swarm, &peer, self.shared.budgets.score(&peer, now));
        }
    }

    pub(super) fn command(&mut self, swarm: &mut Swarm<Behaviour>, command: Command) {
        match command {
            Command::Reach { peer, addrs, reply } => self.reach(swarm, peer, addrs, reply),
            Command::Publish(data) => {
                let Some(jobs) = swarm.behaviour_mut().jobs.as_mut() else { return };
                let bytes = data.len();
                match jobs.gossip.publish(topic(), data) {
                    Ok(_) => self.shared.counting.went(bytes),
                    // Nobody is there yet. The requester announces again what gets no bids.
                    Err(error) => tracing::debug!(%error, "an announcement went to nobody"),
                }
            }
            Command::Judged { id, from, verdict } => self.judged(swarm, &id, &from, verdict),
            Command::Score(peer, score) => self.score(swarm, &peer, score),
            Command::Block(peer) => self.block(swarm, peer),
            Command::Dial { .. } | Command::Disconnect(_) => {}
        }
    }

    pub(super) fn event(&mut self, swarm: &mut Swarm<Behaviour>, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. })) => {
                self.identified(swarm, peer_id, info);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Jobs(event)) => self.jobs_event(swarm, event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.shared.roster.connected(peer_id, endpoint.get_remote_address());
                if let Some(index) = self.dialing.remove(&connection_id) {
                    self.bootstrap.up(index);
                    self.held.insert(index, peer_id);
                }
                self.reached(&peer_id);
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.shared.roster.gone(&peer_id);
                let lost: Vec<usize> =
                    self.held.extract_if(|_, held| *held == peer_id).map(|(index, _)| index).collect();
                lost.into_iter().for_each(|index| self.bootstrap.down(index, Instant::now()));
            }
            SwarmEvent::OutgoingConnectionError { connection_id, peer_id, error, .. } => {
                if let Some(index) = self.dialing.remove(&connection_id) {
                    self.bootstrap.down(index, Instant::now());
                }
                if let Some(peer) = peer_id {
                    self.not_reached(swarm, peer, connection_id, &why(&error));
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
                self.announced(swarm, propagation_source, message_id, message);
            }
            JobsEvent::Gossip(gossipsub::Event::Subscribed { peer_id, .. }) => {
                self.shared.roster.listens(peer_id, true);
            }
            JobsEvent::Gossip(gossipsub::Event::Unsubscribed { peer_id, .. }) => {
                self.shared.roster.listens(peer_id, false);
            }
            JobsEvent::Kad(kad::Event::OutboundQueryProgressed { id, result, step, .. }) => {
                if let kad::QueryResult::GetClosestPeers(result) = result {
                    let found = match result {
                        Ok(found) => found.peers,
                        Err(kad::GetClosestPeersError::Timeout { peers, .. }) => peers,
                    };
                    self.looked_up(swarm, id, found, step.last);
                }
            }
            JobsEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, addr) in found.into_iter().take(NEIGHBOURS) {
                    if !swarm.is_connected(&peer) {
                        let _ = swarm.dial(DialOpts::peer_id(peer).addresses(vec![addr]).build());
                    }
                }
            }
            _ => {}
        }
    }

    /// Gossip's budgets are asked here, before anything is decoded.
    fn announced(&self, swarm: &mut Swarm<Behaviour>, from: PeerId, id: MessageId, message: gossipsub::Message) {
        let now = Instant::now();
        let author = message.source.unwrap_or(from);
        let bytes = message.data.len() as u64;
        let jobs = u64::from(author == from);
        let admission = self.shared.budgets.admit(&from, Cost { messages: 1, bytes, jobs }, now);
        let taken = self.admitted(swarm, &from, admission)
            && (author == from || self.shared.budgets.affords(&author, Cost { jobs: 1, ..Cost::default() }, now));
        let announced = Announced { id: id.clone(), from, author, data: message.data };
        if !taken || self.shared.announced.try_send(announced).is_err() {
            self.shared.counting.ignored();
            self.judged(swarm, &id, &from, MessageAcceptance::Ignore);
        }
    }

    /// Whether it is taken; what follows for the peer if it is not.
    fn admitted(&self, swarm: &mut Swarm<Behaviour>, peer: &PeerId, admission: Admission) -> bool {
        match admission {
            Admission::Take => true,
            Admission::Ignore(score) => {
                self.score(swarm, peer, score);
                false
            }
            Admission::Block => {
                self.block(swarm, *peer);
                false
            }
        }
    }

    fn judged(&self, swarm: &mut Swarm<Behaviour>, id: &MessageId, from: &PeerId, verdict: MessageAcceptance) {
        if let Some(jobs) = swarm.behaviour_mut().jobs.as_mut() {
            jobs.gossip.report_message_validation_result(id, from, verdict);
        }
    }

    fn score(&self, swarm: &mut Swarm<Behaviour>, peer: &PeerId, score: f64) {
        if let Some(jobs) = swarm.behaviour_mut().jobs.as_mut() {
            jobs.gossip.set_application_score(peer, score);
        }
    }

    fn block(&self, swarm: &mut Swarm<Behaviour>, peer: PeerId) {
        if swarm.behaviour_mut().blocked.block_peer(peer) {
            tracing::warn!(%peer, "blocked for a while: it sent too much, or what no honest node sends");
            self.shared.counting.blocked();
            let _ = swarm.disconnect_peer_id(peer);
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

    fn reach(
        &mut self,
        swarm: &mut Swarm<Behaviour>,
        peer: PeerId,
        addrs: Vec<Multiaddr>,
        reply: oneshot::Sender<Result<(), String>>,
    ) {
        if swarm.is_connected(&peer) {
            let _ = reply.send(Ok(()));
            return;
        }
        let reaching = self.reaching.entry(peer).or_default();
        reaching.waiting.push(reply);
        if reaching.waiting.len() == 1 {
            let addrs = addrs.into_iter().filter(is_spoken).take(ADDRS).collect();
            self.dial_peer(swarm, peer, addrs);
        }
    }

    /// Dials it at `addrs`, and wherever Kademlia knows that it is.
    fn dial_peer(&mut self, swarm: &mut Swarm<Behaviour>, peer: PeerId, addrs: Vec<Multiaddr>) {
        let options = DialOpts::peer_id(peer)
            .addresses(addrs)
            .extend_addresses_through_behaviour()
            .condition(PeerCondition::Always)
            .build();
        let connection = options.connection_id();
        if let Some(reaching) = self.reaching.get_mut(&peer) {
            reaching.dial = Some(connection);
        }
        if let Err(error) = swarm.dial(options) {
            self.not_reached(swarm, peer, connection, &why(&error));
        }
    }

    fn reached(&mut self, peer: &PeerId) {
        for reply in self.reaching.remove(peer).into_iter().flat_map(|reaching| reaching.waiting) {
            let _ = reply.send(Ok(()));
        }
    }

    /// Other nodes are asked where it is, once.
    fn not_reached(&mut self, swarm: &mut Swarm<Behaviour>, peer: PeerId, dial: ConnectionId, why: &str) {
        let Some(reaching) = self.reaching.get_mut(&peer).filter(|reaching| reaching.dial == Some(dial)) else {
            return;
        };
        reaching.dial = None;
        let jobs = swarm.behaviour_mut().jobs.as_mut().filter(|_| !reaching.asked);
        if let Some(jobs) = jobs.filter(|_| self.shared.roster.count() > 0) {
            reaching.asked = true;
            self.lookups.insert(jobs.kad.get_closest_peers(peer), peer);
            return;
        }
        for reply in self.reaching.remove(&peer).into_iter().flat_map(|reaching| reaching.waiting) {
            let _ = reply.send(Err(why.into()));
        }
    }

    fn looked_up(&mut self, swarm: &mut Swarm<Behaviour>, id: QueryId, found: Vec<kad::PeerInfo>, last: bool) {
        let Some(peer) = self.lookups.get(&id).copied() else { return };
        let addrs = found.into_iter().find(|info| info.peer_id == peer).map(|info| info.addrs);
        if addrs.is_some() || last {
            self.lookups.remove(&id);
            let addrs = addrs.unwrap_or_default().into_iter().filter(is_spoken).take(ADDRS).collect();
            self.dial_peer(swarm, peer, addrs);
        }
    }

    fn identified(&self, swarm: &mut Swarm<Behaviour>, peer: PeerId, info: identify::Info) {
        // Who is far away means another machine by its loopback addresses.
        let near = self.shared.roster.remote(&peer).is_some_and(|remote| is_loopback(&remote));
        let believed = |addr: &Multiaddr| is_spoken(addr) && (near || !is_loopback(addr));
        let addrs: Vec<Multiaddr> = info.listen_addrs.into_iter().filter(believed).take(ADDRS).collect();
        if let Some(jobs) = swarm.behaviour_mut().jobs.as_mut().filter(|_| info.protocols.contains(&KAD)) {
            for addr in &addrs {
                jobs.kad.add_address(&peer, addr.clone());
            }
        }
        self.shared.roster.identified(peer, addrs, info.agent_version);
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
        change(&mut self.shared.addrs.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}
