//! Failures of a guest's request: an error code for the guest, or the end of the run.

use bacalhau_tree::HostFailure;

use super::errno::Errno;
use bacalhau_receipt::Limit;

/// Result of a guest's request.
pub(crate) type Answer<T> = Result<T, Fault>;

/// Why a request was not done.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Error code for the guest, which continues.
    Errno(Errno),
    /// The run is over.
    Stop(Stop),
}

/// Why a run is over before its entry point returned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The guest called `proc_exit`.
    #[error("exit {0}")]
    Exit(u32),
    /// A limit that ends the run.
    #[error("limit: {0}")]
    Limit(Limit),
    /// The host failed.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<Limit> for Fault {
    fn from(limit: Limit) -> Self {
        Self::Stop(Stop::Limit(limit))
    }
}

impl From<HostFailure> for Fault {
    fn from(failure: HostFailure) -> Self {
        Self::Stop(Stop::Host(failure))
    }
}
