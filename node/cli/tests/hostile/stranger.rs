//! A peer that speaks the table of nodes and relays, and does with them what it likes.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::kad::store::MemoryStore;
use libp2p::kad::{self, KBucketKey, QueryId, QueryResult};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, identify, noise, relay, tcp, yamux};
use tokio::runtime::Runtime;

use bacalhau_testkit::BOUND;

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    kad: kad::Behaviour<MemoryStore>,
    identify: identify::Behaviour,
    relay: relay::client::Behaviour,
    limits: connection_limits::Behaviour,
}

/// See the module.
pub(crate) struct Stranger {
    runtime: Runtime,
    swarm: Swarm<Behaviour>,
}

/// Whom an address leads to.
pub(crate) fn peer_of(addr: &Multiaddr) -> PeerId {
    match addr.iter().last() {
        Some(Protocol::P2p(peer)) => peer,
        _ => panic!("{addr} names no peer"),
    }
}

fn unlimited() -> connection_limits::Behaviour {
    connection_limits::Behaviour::new(ConnectionLimits::default())
}

impl Stranger {
    /// One that others can connect to at this address.
    pub(crate) fn at(addr: impl Into<Ipv4Addr>) -> Self {
        Self::named(Keypair::generate_ed25519(), addr)
    }

    /// One that chose its name so that it is near to `node` in the table: that node then refreshes the buckets of its
    /// table that are farther, some eight.
    pub(crate) fn near(node: PeerId, addr: impl Into<Ipv4Addr>) -> Self {
        let to = KBucketKey::from(node);
        let near = |key: &Keypair| to.distance(&KBucketKey::from(key.public().to_peer_id())).ilog2() < Some(248);
        Self::named(std::iter::repeat_with(Keypair::generate_ed25519).find(near).unwrap(), addr)
    }

    fn named(key: Keypair, addr: impl Into<Ipv4Addr>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut swarm = {
            let _inside = runtime.enter();
            let made = SwarmBuilder::with_existing_identity(key).with_tokio();
            let made = made.with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default).unwrap();
            let made = made.with_relay_client(noise::Config::new, yamux::Config::default).unwrap();
            let behaviour = made.with_behaviour(|key, relay| {
                let peer = key.public().to_peer_id();
                let mut config = kad::Config::new(StreamProtocol::new("/bacalhau/kad/1"));
                config.set_kbucket_inserts(kad::BucketInserts::OnConnected);
                let mut kad = kad::Behaviour::with_config(peer, MemoryStore::new(peer), config);
                kad.set_mode(Some(kad::Mode::Server));
                let about = identify::Config::new("ipfs/0.1.0".into(), key.public());
                Behaviour { kad, identify: identify::Behaviour::new(about), relay, limits: unlimited() }
            });
            behaviour.unwrap().with_swarm_config(|config| config.with_idle_connection_timeout(BOUND)).build()
        };
        let listen = Multiaddr::from(addr.into()).with(Protocol::Tcp(0));
        {
            let _inside = runtime.enter();
            swarm.listen_on(listen).unwrap();
        }
        let mut stranger = Self { runtime, swarm };
        stranger.until(|event| matches!(event, SwarmEvent::NewListenAddr { .. }), BOUND);
        stranger
    }

    /// Its table of nodes.
    pub(crate) fn kad(&mut self) -> &mut kad::Behaviour<MemoryStore> {
        &mut self.swarm.behaviour_mut().kad
    }

    /// Connects, and stays connected as long as it lives and is stepped.
    pub(crate) fn connect(&mut self, to: &Multiaddr) {
        {
            let _inside = self.runtime.enter();
            self.swarm.dial(to.clone()).unwrap();
        }
        let up = self.until(|event| matches!(event, SwarmEvent::ConnectionEstablished { .. }), BOUND);
        assert!(up, "connect to {to}");
    }

    /// Connects to a node and enters it into its table.
    pub(crate) fn knows(&mut self, node: &str) -> PeerId {
        let addr: Multiaddr = node.parse().unwrap();
        let peer = peer_of(&addr);
        self.connect(&addr);
        self.kad().add_address(&peer, addr);
        self.step(Duration::from_millis(500));
        peer
    }

    /// From now on it is only dialed.
    pub(crate) fn dials_no_more(&mut self) {
        let none = ConnectionLimits::default().with_max_pending_outgoing(Some(0));
        *self.swarm.behaviour_mut().limits.limits_mut() = none;
    }

    /// Asks for a place at a relay. Whether it gets one in time.
    pub(crate) fn reserves(&mut self, relay: &Multiaddr, within: Duration) -> bool {
        if self.swarm.listen_on(relay.clone().with(Protocol::P2pCircuit)).is_err() {
            return false;
        }
        let accepted = |event: &SwarmEvent<BehaviourEvent>| {
            let ended = matches!(event, SwarmEvent::ListenerClosed { .. });
            let accepted = matches!(
                event,
                SwarmEvent::Behaviour(BehaviourEvent::Relay(relay::client::Event::ReservationReqAccepted { .. }))
            );
            (ended || accepted).then_some(accepted)
        };
        self.find(accepted, within).unwrap_or(false)
    }

    /// What a query came to.
    pub(crate) fn result(&mut self, query: QueryId) -> QueryResult {
        let ended = |event: &SwarmEvent<BehaviourEvent>| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed {
                id,
                result,
                step,
                ..
            })) if *id == query && step.last => Some(result.clone()),
            _ => None,
        };
        self.find(ended, BOUND).unwrap()
    }

    /// Lets it do what it has to do for so long.
    pub(crate) fn step(&mut self, time: Duration) {
        self.until(|_| false, time);
    }

    fn until(&mut self, done: impl Fn(&SwarmEvent<BehaviourEvent>) -> bool, within: Duration) -> bool {
        self.find(|event| done(event).then_some(()), within).is_some()
    }

    fn find<T>(&mut self, found: impl Fn(&SwarmEvent<BehaviourEvent>) -> Option<T>, within: Duration) -> Option<T> {
        let end = Instant::now() + within;
        let swarm = &mut self.swarm;
        self.runtime.block_on(async {
            loop {
                let left = end.saturating_duration_since(Instant::now());
                match tokio::time::timeout(left, swarm.select_next_some()).await {
                    Ok(event) => {
                        if let Some(found) = found(&event) {
                            return Some(found);
                        }
                    }
                    Err(_) => return None,
                }
            }
        })
    }
}
