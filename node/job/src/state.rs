//! States of jobs, shards and executions. A job's state follows from its shards'; `requester` decides transitions.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum JobState {
    /// Bids are collected for every shard.
    Bidding,
    /// Some shard is beyond that.
    InProgress,
    /// Every shard has an accepted result.
    Completed,
    /// Some shards did, others did not.
    CompletedPartially,
    /// No shard has one.
    Failed,
    /// The client took it back.
    Cancelled,
}

/// State of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum ShardState {
    /// Collecting bids.
    Bidding,
    /// Executions run, proposals come in.
    Running,
    /// There is a verdict. A winner publishes, if there is one, and receipts come in.
    Publishing,
    /// A result is accepted and available.
    Completed,
    /// No result. The record has the reason.
    Failed,
    /// The client took the job back.
    Cancelled,
}

/// State of an execution, by its requester.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum ExecutionState {
    /// The bid was accepted; the provider has not confirmed yet.
    Accepted,
    /// Running.
    Running,
    /// Its sealed proposal is in.
    Proposed,
    /// It is in the group that won.
    Won,
    /// Its result lost the vote.
    Lost,
    /// Its results are published and verified.
    Published,
    /// It failed on its host or timed out, so it does not count as a vote. Or it won and did not publish its result.
    Failed,
    /// It is not needed any more.
    Cancelled,
}

impl JobState {
    /// Whether it is final.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Bidding | Self::InProgress)
    }

    /// The state of a job with these shards.
    pub fn of(shards: impl IntoIterator<Item = ShardState>) -> Self {
        let shards: Vec<ShardState> = shards.into_iter().collect();
        let count = |state| shards.iter().filter(|shard| **shard == state).count();
        let completed = count(ShardState::Completed);
        if shards.iter().all(|shard| *shard == ShardState::Bidding) {
            Self::Bidding
        } else if !shards.iter().all(|shard| shard.is_final()) {
            Self::InProgress
        } else if completed == shards.len() {
            Self::Completed
        } else if count(ShardState::Cancelled) > 0 {
            Self::Cancelled
        } else if completed > 0 {
            Self::CompletedPartially
        } else {
            Self::Failed
        }
    }
}

impl ShardState {
    /// Whether it is final.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl ExecutionState {
    /// Whether the provider's proposal is still awaited.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Accepted | Self::Running)
    }
}

/// Displays states by their JSON names.
macro_rules! by_name {
    ($($state:ty),*) => {$(
        impl fmt::Display for $state {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self, f)
            }
        }
    )*};
}

by_name!(JobState, ShardState, ExecutionState);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_stands_where_its_shards_do() {
        use ShardState::{Bidding, Cancelled, Completed, Failed, Publishing, Running};
        let table: [(&[ShardState], JobState); 8] = [
            (&[Bidding, Bidding], JobState::Bidding),
            (&[Bidding, Running], JobState::InProgress),
            (&[Completed, Publishing], JobState::InProgress),
            (&[Completed, Bidding], JobState::InProgress),
            (&[Completed, Completed], JobState::Completed),
            (&[Completed, Failed], JobState::CompletedPartially),
            (&[Failed, Failed], JobState::Failed),
            (&[Completed, Cancelled], JobState::Cancelled),
        ];
        for (shards, job) in table {
            assert_eq!(JobState::of(shards.iter().copied()), job, "{shards:?}");
        }
    }
}
