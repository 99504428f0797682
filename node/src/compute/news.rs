//! What a provider does, for its operator: what it bids on and why not, and how its executions go. Nothing follows from it.

use bacalhau_runtime::Outcome;

use crate::job::{Announced, Declined, ExecutionId, ExecutionState, JobId};

/// Something that a provider did.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It bids on so many shards of a job.
    Bid {
        /// The job.
        job: JobId,
        /// Number of shards.
        shards: usize,
    },
    /// It does not bid on a job. Said again only when the reason is another one.
    NoBid {
        /// The job.
        job: JobId,
        /// Why.
        declined: Declined,
    },
    /// An execution has reached a state.
    Execution {
        /// Which.
        id: ExecutionId,
        /// Of which job.
        job: Announced,
        /// Its state: `Running` when it begins.
        state: ExecutionState,
        /// How the program ended, where it did.
        outcome: Option<Outcome>,
        /// Why it failed or was cancelled.
        why: Option<String>,
    },
}
