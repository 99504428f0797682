//! Errors of the peer-to-peer node, with what to do.

use std::io;

use libp2p::Multiaddr;

use super::ConnectError;

/// Why the node cannot run, or cannot connect.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The operating system gave no thread.
    #[error("cannot start the network's threads: {0}")]
    Threads(#[from] io::Error),
    /// Gossip does not start.
    #[error("cannot start gossip: {0}")]
    Gossip(String),
    /// A node that takes no part in the network of jobs.
    #[error("the node was started without jobs: give it a `JobsConfig`, once for each network")]
    NoJobs,
    /// The node cannot be reached where it was to be.
    #[error("cannot listen on {addr}: {why}")]
    Listen {
        /// The address.
        addr: Multiaddr,
        /// The error of the system.
        why: String,
    },
    /// A connection failed.
    #[error("cannot connect to {addr}: {why}")]
    Connect {
        /// The address.
        addr: Multiaddr,
        /// The reason.
        why: ConnectError,
    },
}

impl TransportError {
    pub(super) fn listen(addr: &Multiaddr, why: &(impl ToString + ?Sized)) -> Self {
        Self::Listen { addr: addr.clone(), why: why.to_string() }
    }

    pub(super) fn connect(addr: &Multiaddr, why: ConnectError) -> Self {
        Self::Connect { addr: addr.clone(), why }
    }
}
