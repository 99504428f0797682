//! Errors of a running node's handle.

use bacalhau_job::TooManyBids;
use bacalhau_protocol::SendError;
use bacalhau_tree::HostFailure;
use libp2p_identity::PeerId;

/// Why a job is rejected.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Every node would reject it.
    #[error("{0}")]
    Refused(String),
    /// This node does not take jobs now.
    #[error("{0}")]
    Busy(String),
    /// The jobs of its client take as much as this node keeps of one client.
    #[error("{0}")]
    Quota(String),
    /// As many jobs wait for providers as may. It is worth trying again later.
    #[error("{0}")]
    QueueFull(String),
    /// This node could not do its part.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

impl From<TooManyBids> for SubmitError {
    fn from(error: TooManyBids) -> Self {
        Self::Refused(error.to_string())
    }
}

/// Why a provider's answer about an execution is not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The event loop of this node has stopped.
    #[error("this node has ended")]
    Ended,
    /// The provider did not answer within the timeout.
    #[error("{peer} did not answer within {seconds} s")]
    Late {
        /// The provider.
        peer: PeerId,
        /// The timeout in seconds.
        seconds: u64,
    },
    /// The request could not be delivered.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The execution ran on this node and has no asynchronous publications.
    #[error("execution has no asynchronous publications")]
    NoPublications,
    /// The provider has no asynchronous publications of the execution.
    #[error("{0} has no publications of this execution")]
    NoPublicationsOf(PeerId),
}
