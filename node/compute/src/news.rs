//! News of a provider for its operator: bids, declined jobs with reasons, and executions. For information only.

use bacalhau_receipt::Outcome;

use bacalhau_job::{Announced, BidReceipt, Declined, ExecutionId, ExecutionState, JobId, SignedCommitment};

/// News of a provider.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// It bid on shards of a job.
    Bid {
        /// The job.
        job: JobId,
        /// Number of shards.
        shards: usize,
    },
    /// It declined a job. Repeated only when the reason changes.
    NoBid {
        /// The job.
        job: JobId,
        /// The reason.
        declined: Declined,
    },
    /// A fair draw with this node is invalid.
    Draw {
        /// The job.
        job: JobId,
        /// The problem.
        what: DrawNews,
    },
    /// An execution has reached a state.
    Execution {
        /// The execution.
        id: ExecutionId,
        /// Its job.
        job: Announced,
        /// Its state; `Running` at the start.
        state: ExecutionState,
        /// How the program ended, if it did.
        outcome: Option<Outcome>,
        /// Why it failed or was cancelled.
        why: Option<String>,
    },
}

/// Problems of fair draws, with their proof.
#[derive(Clone, Debug, PartialEq)]
pub enum DrawNews {
    /// The requester signed two sets for one draw (equivocation).
    Equivocation(Box<(SignedCommitment, SignedCommitment)>),
    /// An invalid commitment, with the receipt for the bid if there is one.
    Wrong(String, Option<Box<BidReceipt>>),
    /// The bid arrived in time, but was rejected without having been in a draw.
    LeftOut(Box<BidReceipt>),
}
