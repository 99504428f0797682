//! Behaviours of every connection. Those that reject connections come first, so that rejected connections do not reach
//! the others.

use std::sync::Arc;
use std::time::Duration;

use libp2p::allow_block_list::{self, AllowedPeers, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{StreamProtocol, autonat, dcutr, identify, mdns, memory_connection_limits, ping, relay};

use super::budgets::PeerBudgets;
use super::connection_limiter::ConnectionLimiter;
use super::gossip::{Gossip, gossip};
use super::kademlia::Kademlia;
use super::{HostConfig, JobsConfig, KADEMLIA, TransportError, streams};

/// Maximum connections to one peer. Simultaneous dials create two; then each side probes all addresses of the other at
/// once, and a rejected probe would be taken as permanently unreachable.
const PER_PEER: u32 = 16;
/// Maximum connections.
const INCOMING: u32 = 256;
/// Connections in all.
const TOTAL: u32 = 512;
/// Connections that are being made, in each direction.
const PENDING: u32 = 128;
/// The part of the machine's memory that this process may have when it takes another connection.
const MEMORY: f64 = 0.9;

/// Bytes that one connection through this node may carry, in each direction.
const RELAYED_BYTES: u64 = 64 << 20;
/// How long such a connection may last.
const RELAYED: Duration = Duration::from_mins(10);

/// Protocols by which nodes of Kademlia find each other.
pub(super) const KAD: StreamProtocol = StreamProtocol::new(KADEMLIA);

#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) blocked: allow_block_list::Behaviour<BlockedPeers>,
    allowed: Toggle<allow_block_list::Behaviour<AllowedPeers>>,
    gate: ConnectionLimiter,
    memory: memory_connection_limits::Behaviour,
    limits: connection_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(super) jobs: Toggle<Jobs>,
    /// Last, so that it sees only accepted connections.
    streams: streams::Behaviour,
}

/// Behaviours for the network of jobs.
#[derive(NetworkBehaviour)]
pub(super) struct Jobs {
    pub(super) gossip: Gossip,
    pub(super) kad: Kademlia,
    mdns: Toggle<mdns::tokio::Behaviour>,
    relay: Toggle<relay::Behaviour>,
    relayed: relay::client::Behaviour,
    dcutr: dcutr::Behaviour,
    reachable: autonat::v2::client::Behaviour,
    tries: autonat::v2::server::Behaviour,
}

/// Further parts.
pub(super) struct Parts {
    pub(super) streams: streams::Behaviour,
    /// Only for jobs.
    pub(super) budgets: Option<Arc<PeerBudgets>>,
    /// Only for jobs.
    pub(super) relayed: Option<relay::client::Behaviour>,
}

impl Behaviour {
    pub(super) fn new(config: &HostConfig, parts: Parts) -> Result<Self, TransportError> {
        let key = config.identity.keypair();
        let limits = ConnectionLimits::default()
            .with_max_pending_incoming(Some(PENDING))
            .with_max_pending_outgoing(Some(PENDING))
            .with_max_established_incoming(Some(INCOMING))
            .with_max_established(Some(TOTAL))
            .with_max_established_per_peer(Some(PER_PEER));
        let about = identify::Config::new("ipfs/0.1.0".into(), key.public())
            .with_agent_version(concat!("bacalhau/", env!("CARGO_PKG_VERSION")).into())
            // Peers learn at once of a relay, or of an address that was found to be reachable.
            .with_push_listen_addr_updates(config.jobs.is_some());
        let allowed = config.allow.as_ref().map(|peers| {
            let mut allowed = allow_block_list::Behaviour::<AllowedPeers>::default();
            for peer in peers {
                allowed.allow_peer(*peer);
            }
            allowed
        });
        let jobs = match (&config.jobs, parts.relayed) {
            (Some(jobs), Some(relayed)) => Some(Jobs::new(key, jobs, relayed)?),
            _ => None,
        };
        Ok(Self {
            blocked: allow_block_list::Behaviour::default(),
            allowed: allowed.into(),
            gate: ConnectionLimiter::new(parts.budgets, config.per_address),
            memory: memory_connection_limits::Behaviour::with_max_percentage(MEMORY),
            limits: connection_limits::Behaviour::new(limits),
            identify: identify::Behaviour::new(about),
            ping: ping::Behaviour::default(),
            jobs: jobs.into(),
            streams: parts.streams,
        })
    }
}

impl Jobs {
    fn new(key: &Keypair, config: &JobsConfig, relayed: relay::client::Behaviour) -> Result<Self, TransportError> {
        let peer = key.public().to_peer_id();
        let mdns = if config.mdns { Some(mdns::tokio::Behaviour::new(mdns::Config::default(), peer)?) } else { None };
        Ok(Self {
            gossip: gossip(key)?,
            kad: Kademlia::new(peer),
            mdns: mdns.into(),
            relay: config.relay.then(|| relay::Behaviour::new(peer, relaying())).into(),
            relayed,
            dcutr: dcutr::Behaviour::new(peer),
            reachable: autonat::v2::client::Behaviour::default(),
            tries: autonat::v2::server::Behaviour::default(),
        })
    }
}

/// A message of the largest kind has to go through, and several of them; results are better fetched over the direct
/// connection that `dcutr` tries to make.
fn relaying() -> relay::Config {
    relay::Config { max_circuit_bytes: RELAYED_BYTES, max_circuit_duration: RELAYED, ..relay::Config::default() }
}
