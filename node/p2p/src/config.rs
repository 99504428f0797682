//! Configuration of a peer-to-peer node, with defaults.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::time::Duration;

use libp2p::{Multiaddr, PeerId};

use super::{Budgets, Identity, Threads};

/// Configuration of a peer-to-peer node.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// The identity. Default: a new one.
    pub identity: Identity,
    /// Where others reach it, such as `/ip4/127.0.0.1/tcp/0` or `/ip4/0.0.0.0/udp/4001/quic-v1`. With none, which is the
    /// default, it only dials.
    pub listen: Vec<Multiaddr>,
    /// How long a dial may take, from the first packet to the agreed multiplexer. Default 10 s.
    pub dial_timeout: Duration,
    /// Threads, if it gets its own. Encryption and hashing run on them. Default: one for each core, 4 at most.
    pub threads: NonZero<usize>,
    /// Threads that it shares with other nodes of this process. Default: its own.
    pub shared: Option<Threads>,
    /// The only allowed peers, for a closed cluster. Default: all peers.
    pub allow: Option<BTreeSet<PeerId>>,
    /// Maximum inbound connections from one IPv4 address or IPv6 /64; relayed ones count as one address. Default 64, a
    /// quarter of all.
    pub per_address: usize,
    /// Configuration of the network of jobs. Default: none; the node then starts faster and announces less.
    pub jobs: Option<JobsConfig>,
}

/// Peers to connect to, and to redial after disconnects. Default: none.
#[derive(Clone, Debug, Default)]
pub struct JobsConfig {
    /// Peers to connect to, and to redial after disconnects. Default: none.
    pub bootstrap: Vec<Multiaddr>,
    /// Whether others reach it where it listens. It then serves the table of nodes at once, and not only after a peer has
    /// tried. Default: no.
    pub reachable: bool,
    /// Relays through which others reach it, where they do not reach it otherwise. Default: none.
    pub relays: Vec<Multiaddr>,
    /// Whether it relays for other nodes once it is known to be reachable. Default: no.
    pub relay: bool,
    /// Whether it looks for nodes of the local network by multicast. Default: no.
    pub mdns: bool,
    /// Limits on a peer.
    pub budgets: Budgets,
}

impl Default for HostConfig {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self {
            identity: Identity::ephemeral(),
            listen: Vec::new(),
            dial_timeout: Duration::from_secs(10),
            threads: threads.clamp(NonZero::<usize>::MIN, const { NonZero::new(4).unwrap() }),
            shared: None,
            allow: None,
            per_address: 64,
            jobs: None,
        }
    }
}
