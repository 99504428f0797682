//! What can go wrong, in three classes with their consequence:
//!
//! - the guest's own outcome (an exit code, a trap) is a result: [`Outcome`](crate::Outcome), hashed and voted on;
//! - a limit of the job is a result too: it is enforced identically on every machine;
//! - **a failure of the host does not count as a vote**: [`HostFailure`], no results directory, no hash.
//!
//! In addition, a [`Refusal`](crate::Refusal) rejects a module or job before it runs.

use std::io;

use bacalhau_receipt::JobError;
use bacalhau_tree::HostFailure;

use crate::gate::Refusal;

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The module or job is invalid on every machine. Nothing was run.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// This machine failed. Another one, or the same one later, may succeed.
    #[error(transparent)]
    Host(HostFailure),
}

impl Error {
    /// Whether the run took longer than its timeout.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Host(failure) if failure.is_timeout())
    }

    /// Whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Host(failure) if failure.is_cancelled())
    }
}

/// For embedders that open inputs: a failure of this host.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        HostFailure::of(error).into()
    }
}

impl From<JobError> for Error {
    fn from(error: JobError) -> Self {
        Self::Refused(error.into())
    }
}

/// An invalid or missing input is not this machine's failure: see [`InputError`](bacalhau_tree::InputError).
impl From<HostFailure> for Error {
    fn from(failure: HostFailure) -> Self {
        match failure.of_input() {
            Some(error) => Self::Refused(Refusal::input(error, &failure.to_string())),
            None => Self::Host(failure),
        }
    }
}
