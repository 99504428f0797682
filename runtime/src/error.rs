//! What can go wrong, in three classes with their consequence:
//!
//! - the guest's own outcome (an exit code, a trap) is a result: [`Outcome`](crate::Outcome), hashed and voted on;
//! - a limit of the job is a result too: the guest meets the same wall on every machine;
//! - **a failure of the host is never a vote**: [`HostFailure`], no results directory, no hash.
//!
//! Beside them, a [`Refusal`](crate::Refusal) says before anything runs that the module or the job cannot be run here.

use bacalhau_tree::HostFailure;

use crate::gate::Refusal;

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The module or the job is not acceptable: every machine would say the same. Nothing was run.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// This machine could not do its part. Another one, or the same one later, may.
    #[error(transparent)]
    Host(HostFailure),
}

/// A failure on what the input itself lacks or holds is none of this machine's: see [`InputError`](bacalhau_tree::InputError).
impl From<HostFailure> for Error {
    fn from(failure: HostFailure) -> Self {
        match failure.of_input() {
            Some(error) => Self::Refused(Refusal::input(error, failure.text())),
            None => Self::Host(failure),
        }
    }
}
