//! A libp2p node with its identity, and streams for registered protocols such as Bitswap.
//!
//! Modules: `swarm` is the task that owns libp2p, with `behaviour` and `connect`; `jobs` is its part of the network of
//! jobs, with `gossip`, `redial` and `peer_table`; `budgets` limits peers, for `connection_limiter` and the network of jobs. Without
//! [`JobsConfig`] a node only connects and opens streams.

mod behaviour;
mod budgets;
mod config;
mod connect;
mod connect_error;
mod connection_limiter;
mod counters;
mod dial;
mod dial_limits;
mod error;
mod gossip;
mod host;
mod jobs;
mod kademlia;
mod peer_table;
mod port;
mod prefix;
mod redial;
mod streams;
mod swarm;
mod threads;

pub use bacalhau_identity::Identity;
pub use budgets::{Admission, Allowance, Budgets, Cost, FORGERY, PeerBudgets};
pub use config::{HostConfig, JobsConfig};
pub use connect_error::ConnectError;
pub use counters::{Counters, Counting};
pub use dial::Dial;
pub use error::TransportError;
pub use host::{Dialer, Host, HostHandle};
pub use jobs::{Announced, JobsShared};
pub use peer_table::{PeerInfo, PeerTable};
pub use streams::{OpenError, PeerEvent, PeerStream};
pub use threads::Threads;

/// The gossip topic of announcements.
pub const TOPIC: &str = "/bacalhau/jobs/1";
/// The protocol of the Kademlia table of nodes that take part in the network of jobs.
pub const KADEMLIA: &str = "/bacalhau/kad/1";
/// Largest message of gossip, in bytes.
pub const MAX_GOSSIP_BYTES: usize = 32 << 10;

#[cfg(test)]
mod tests;
