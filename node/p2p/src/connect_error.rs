//! Why there is no connection to a peer.

use libp2p::PeerId;
use libp2p::allow_block_list::{Blocked, NotAllowed};
use libp2p::swarm::{ConnectionDenied, DialError};

/// Why a peer is not connected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The node does not support the address.
    #[error(
        "only /ip4, /ip6, /dns and /dnsaddr addresses with /tcp or /udp/…/quic-v1 are supported, such as \
         /ip4/127.0.0.1/tcp/4001/p2p/PEER, and /p2p-circuit behind one of them"
    )]
    Unsupported,
    /// The peer id is that of this node.
    #[error("that is this node itself")]
    Own,
    /// Another peer answers at the address.
    #[error("the peer there is {0}")]
    OtherPeer(PeerId),
    /// The peer is not in the allow list.
    #[error("peer is not in the allow list")]
    NotAllowed,
    /// The peer has used up its budget.
    #[error("this node has blocked that peer for a while")]
    Blocked,
    /// The connection limits are reached.
    #[error("this node has as many connections as it may have")]
    TooMany,
    /// No address of the peer is known.
    #[error("no address of it is known")]
    NoAddress,
    /// The network failed at every address; with the text of each failure.
    #[error("{0}")]
    Network(String),
    /// The peer did not answer within the dial timeout.
    #[error("no answer in time")]
    Timeout,
    /// The node has stopped.
    #[error("the node of this process was shut down")]
    Stopped,
}

impl From<&DialError> for ConnectError {
    fn from(error: &DialError) -> Self {
        match error {
            DialError::LocalPeerId { .. } => Self::Own,
            DialError::WrongPeerId { obtained, .. } => Self::OtherPeer(*obtained),
            DialError::Denied { cause } => Self::denied(cause),
            DialError::NoAddresses => Self::NoAddress,
            DialError::Transport(tried) => {
                let tried: Vec<_> = tried.iter().map(|(_, error)| Self::from(error).to_string()).collect();
                Self::Network(tried.join("; "))
            }
            other => Self::Network(other.to_string().replace('\n', " ")),
        }
    }
}

impl From<&libp2p::TransportError<std::io::Error>> for ConnectError {
    fn from(error: &libp2p::TransportError<std::io::Error>) -> Self {
        match error {
            libp2p::TransportError::MultiaddrNotSupported(_) => Self::Unsupported,
            libp2p::TransportError::Other(error) => Self::Network(innermost(error)),
        }
    }
}

impl ConnectError {
    /// Which of the node's rules forbids the connection.
    fn denied(cause: &ConnectionDenied) -> Self {
        if cause.downcast_ref::<NotAllowed>().is_some() {
            Self::NotAllowed
        } else if cause.downcast_ref::<Blocked>().is_some() {
            Self::Blocked
        } else {
            Self::TooMany
        }
    }
}

/// The innermost error; outer ones repeat it.
fn innermost(error: &std::io::Error) -> String {
    let mut at: &dyn std::error::Error = error;
    while let Some(source) = at.source() {
        at = source;
    }
    // The resolver's errors are lists of lines, under a headline.
    let text = at.to_string();
    let lines: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("- ")).collect();
    if lines.is_empty() { text } else { lines.join("; ") }
}
