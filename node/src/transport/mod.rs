//! The node's place in a network of peers: one libp2p node on threads of its own, its identity, and streams of whatever
//! protocol asks for them. What is said on the streams is the business of the protocols; `bitswap` is one.

mod behaviour;
mod dial;
mod error;
mod host;
mod identity;
#[doc(hidden)]
pub mod simulated;
mod streams;
mod swarm;

pub use dial::Dial;
pub use error::TransportError;
pub(crate) use host::HostHandle;
pub use host::{Host, HostConfig};
pub use identity::Identity;
pub(crate) use streams::{OpenError, PeerEvent, PeerStream};

#[cfg(test)]
mod tests;
