//! What can be wrong with a node of the network, said so that the reader can do something about it.

use std::io;

use libp2p::Multiaddr;

/// Why the node cannot run, or cannot reach somebody.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The file of the identity.
    #[error("cannot use the identity in {path}: {why}")]
    Identity {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
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
        /// The system's words.
        why: String,
    },
    /// Somebody cannot be reached.
    #[error("cannot connect to {addr}: {why}")]
    Connect {
        /// The address.
        addr: Multiaddr,
        /// What happened.
        why: String,
    },
}

impl TransportError {
    pub(super) fn identity(path: &std::path::Path, why: &(impl ToString + ?Sized)) -> Self {
        Self::Identity { path: path.display().to_string(), why: why.to_string() }
    }

    pub(super) fn listen(addr: &Multiaddr, why: &(impl ToString + ?Sized)) -> Self {
        Self::Listen { addr: addr.clone(), why: why.to_string() }
    }

    pub(super) fn connect(addr: &Multiaddr, why: &(impl ToString + ?Sized)) -> Self {
        Self::Connect { addr: addr.clone(), why: why.to_string() }
    }
}
