//! Why a sent message has no reply.

use libp2p_identity::PeerId;

use super::WireError;

/// Why a sent message has no reply. It may have arrived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The message cannot be encoded.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The node is the only one in its process and has no network.
    #[error("this node has no network")]
    NoNetwork,
    /// The node does not accept its own message now.
    #[error("this node has no time")]
    Busy,
    /// The network of this node is shutting down.
    #[error("the network has stopped")]
    Stopped,
    /// The connection to the recipient failed.
    #[error("cannot connect to {to}: {why}")]
    Connect {
        /// The recipient.
        to: PeerId,
        /// The text of the network.
        why: String,
    },
    /// The recipient was not found, or the connection was not made, within the timeout.
    #[error("cannot connect to {0}: it was not found in time")]
    NotFound(PeerId),
    /// The stream to the recipient failed before the reply.
    #[error("{to} has not answered: {why}")]
    NoAnswer {
        /// The recipient.
        to: PeerId,
        /// The text of the network.
        why: String,
    },
    /// The recipient did not reply within the timeout.
    #[error("{0} has not answered in time")]
    Late(PeerId),
    /// The requester did not send a spec within the timeout.
    #[error("{to} has not sent it within {seconds} s")]
    LateSpec {
        /// The requester.
        to: PeerId,
        /// The timeout in seconds.
        seconds: u64,
    },
}
