//! The node's place in a network of peers: one libp2p node, its identity, and streams of whatever protocol asks for
//! them. What is said on the streams is the business of the protocols; `bitswap` is one. `network` is what the daemon
//! has of it: announcements, messages and who is there.
//!
//! Of the parts, `swarm` is the task that owns everything of libp2p, with `behaviour` and `connect`; `jobs` is what it
//! does for the network of jobs, with `gossip`, `redial` and `roster`; `budgets` bounds what a peer may cost, and `gate`
//! and `network` ask it. Without [`JobsConfig`] a node only connects and carries streams.

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
mod network;
mod port;
mod prefix;
mod redial;
mod roster;
#[doc(hidden)]
pub mod simulated;
mod streams;
mod swarm;
mod threads;

pub use budgets::{Allowance, Budgets};
pub use config::{HostConfig, JobsConfig};
pub use counters::Counters;
pub use dial::Dial;
pub use error::TransportError;
pub(crate) use host::HostHandle;
pub use host::{Dialer, Host};
pub use identity::Identity;
pub use network::{Alone, Heard, Listener, Network, ReplyTo, Transport};
pub use roster::PeerInfo;
pub(crate) use streams::{OpenError, PeerEvent, PeerStream};
pub use threads::Threads;

#[cfg(test)]
mod tests;
