//! Jobs that ran here and are over, in whole or in part, up to a limit: late announcements of them are ignored, and a
//! shard that ran here is not offered for again.

use std::collections::{BTreeMap, VecDeque};

use bacalhau_job::{JobId, ShardRuns};

/// The latest finished jobs.
#[derive(Debug)]
pub(super) struct FinishedJobs {
    most: usize,
    order: VecDeque<JobId>,
    /// Shards that are over; `None` for all.
    jobs: BTreeMap<JobId, Option<ShardRuns>>,
}

impl FinishedJobs {
    /// Remembers at most `most` jobs.
    pub(super) fn new(most: usize) -> Self {
        Self { most, order: VecDeque::new(), jobs: BTreeMap::new() }
    }

    /// Adds or replaces `job` with the shards that are over, `None` for all, and removes the oldest above the limit.
    pub(super) fn insert(&mut self, job: JobId, over: Option<ShardRuns>) {
        if self.jobs.insert(job, over).is_none() {
            self.order.push_back(job);
        }
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.jobs.remove(&oldest);
            }
        }
    }

    /// Whether nothing of `job` can run here any more.
    pub(super) fn is_over(&self, job: &JobId) -> bool {
        self.jobs.get(job).is_some_and(Option::is_none)
    }

    /// Whether `shard` of `job` ran here and is over.
    pub(super) fn has_run(&self, job: &JobId, shard: u32) -> bool {
        self.jobs.get(job).is_some_and(|over| over.as_ref().is_none_or(|over| over.contains(shard)))
    }
}
