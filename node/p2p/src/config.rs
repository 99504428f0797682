//! How a node is started, with every default.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::time::Duration;

use libp2p::{Multiaddr, PeerId};

use super::{Budgets, Identity, Threads};

/// How a node is started.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Who it is. Default: somebody new.
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
    /// The only peers that it speaks to, as in a closed cluster. Default: everybody.
    pub allow: Option<BTreeSet<PeerId>>,
    /// Connections that one IPv4 address, or one /64 of IPv6, may have made to it at once; those that come through relays count as
    /// one address. Default 64, a quarter of all.
    pub per_address: usize,
    /// Whether and how it takes part in the network of jobs. Default: not; it starts sooner, and says less of itself.
    pub jobs: Option<JobsConfig>,
}

/// How a node takes part in the network of jobs.
#[derive(Clone, Debug, Default)]
pub struct JobsConfig {
    /// Whom it knows at first, and dials again whenever they are lost. Default: nobody.
    pub bootstrap: Vec<Multiaddr>,
    /// Whether others reach it where it listens. It then serves the table of nodes at once, and not only after a peer has
    /// tried. Default: no.
    pub reachable: bool,
    /// Relays through which others reach it, where they do not reach it otherwise. Default: none.
    pub relays: Vec<Multiaddr>,
    /// Whether it relays for others, as soon as it is known to be reachable. Default: no.
    pub relay: bool,
    /// Whether it looks for nodes of the local network by multicast. Default: no.
    pub mdns: bool,
    /// What a peer may cost.
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
