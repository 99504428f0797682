//! What the node does with every connection, whatever the protocols on top: limits first, so that a connection that is
//! refused reaches none of the others.

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::PublicKey;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{identify, ping};

use super::streams;

/// Connections to one peer. Two that dial each other at once have two.
const PER_PEER: u32 = 4;
/// Connections that others make.
const INCOMING: u32 = 256;
/// Connections in all.
const TOTAL: u32 = 512;
/// Connections that are being made, in each direction.
const PENDING: u32 = 128;

#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    /// Last, so that it hears only of connections that all others have let pass.
    streams: streams::Behaviour,
}

impl Behaviour {
    pub(super) fn new(key: PublicKey, streams: streams::Behaviour) -> Self {
        let limits = ConnectionLimits::default()
            .with_max_pending_incoming(Some(PENDING))
            .with_max_pending_outgoing(Some(PENDING))
            .with_max_established_incoming(Some(INCOMING))
            .with_max_established(Some(TOTAL))
            .with_max_established_per_peer(Some(PER_PEER));
        let about = identify::Config::new("ipfs/0.1.0".into(), key)
            .with_agent_version(concat!("bacalhau/", env!("CARGO_PKG_VERSION")).into());
        Self {
            limits: connection_limits::Behaviour::new(limits),
            identify: identify::Behaviour::new(about),
            ping: ping::Behaviour::default(),
            streams,
        }
    }
}
