//! Where jobs, shards and executions stand. A job's state follows from its shards'; which steps are possible is decided by
//! `requester`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum JobState {
    /// Bids are collected for every shard.
    Bidding,
    /// Some shard is beyond that.
    InProgress,
    /// Every shard came to a result that stands.
    Completed,
    /// Some shards did, others did not.
    CompletedPartially,
    /// No shard did.
    Failed,
    /// The client took it back.
    Cancelled,
}

/// Where a shard stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum ShardState {
    /// Bids are collected.
    Bidding,
    /// Executions run, proposals come in.
    Running,
    /// There is a verdict. A winner publishes, if there is one, and receipts come in.
    Publishing,
    /// A result stands, and whoever may have it can have it.
    Completed,
    /// There is none. The record says why.
    Failed,
    /// The client took the job back.
    Cancelled,
}

/// Where an execution stands, as its requester knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum ExecutionState {
    /// The bid was accepted; the provider has not said that it runs.
    Accepted,
    /// It runs.
    Running,
    /// Its sealed proposal is in.
    Proposed,
    /// It is in the group that won.
    Won,
    /// It is not.
    Lost,
    /// Its results are where the job wants them, and were checked.
    Published,
    /// It failed on its host, or was silent for too long: never a vote. Or it won, and did not publish what it won with.
    Failed,
    /// It is not needed any more.
    Cancelled,
}

impl JobState {
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Bidding | Self::InProgress)
    }

    /// The state of a job whose shards stand like this.
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
    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl ExecutionState {
    /// Whether the provider still has to say what came of it.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Accepted | Self::Running)
    }
}

/// Shows states by their names, as they stand in JSON.
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
