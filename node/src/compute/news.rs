//! What a provider does, for its operator: what it bids on and why not, and how its executions go. Nothing follows from it.

use bacalhau_runtime::Outcome;

use crate::job::{Announced, BidReceipt, Declined, ExecutionId, ExecutionState, JobId, SignedCommitment};

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
    /// Something is wrong with a fair draw in which it takes part.
    Draw {
        /// The job.
        job: JobId,
        /// What.
        what: DrawNews,
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

/// What is wrong with a fair draw, with what proves it.
#[derive(Clone, Debug, PartialEq)]
pub enum DrawNews {
    /// The requester signed two sets for one draw.
    Equivocation(Box<(SignedCommitment, SignedCommitment)>),
    /// Its commitment is not what it should be; with the receipt for the bid, if there is one.
    Wrong(String, Option<Box<BidReceipt>>),
    /// The bid was rejected without having been in any draw, although it came in time.
    LeftOut(Box<BidReceipt>),
}
