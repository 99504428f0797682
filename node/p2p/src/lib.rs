//! The node's place in a network of peers: one libp2p node, its identity, and streams of whatever protocol asks for
//! them. What is said on the streams is the business of the protocols; Bitswap is one.
//!
//! Of the parts, `swarm` is the task that owns everything of libp2p, with `behaviour` and `connect`; `jobs` is what it
//! does for the network of jobs, with `gossip`, `redial` and `roster`; `budgets` bounds what a peer may cost, and `gate`
//! and the network of jobs ask it. Without [`JobsConfig`] a node only connects and carries streams.

mod behaviour;
mod budgets;
mod config;
mod connect;
mod counters;
mod dial;
mod error;
mod gate;
mod gossip;
mod host;
mod identity;
mod jobs;
mod port;
mod prefix;
mod redial;
mod roster;
mod streams;
mod swarm;
mod threads;

pub use budgets::{Admission, Allowance, Budgets, Cost, FORGERY, PeerBudgets};
pub use config::{HostConfig, JobsConfig};
pub use counters::{Counters, Counting};
pub use dial::Dial;
pub use error::TransportError;
pub use host::{Dialer, Host, HostHandle};
pub use identity::Identity;
pub use jobs::{Announced, JobsShared};
pub use roster::{PeerInfo, Roster};
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
