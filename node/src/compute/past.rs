//! Jobs that were run here and are over, the latest ones only: a late announcement of one is not heard again.

use std::collections::{BTreeSet, VecDeque};

use crate::job::JobId;

/// The latest jobs, up to a bound.
#[derive(Debug)]
pub(super) struct Past {
    most: usize,
    order: VecDeque<JobId>,
    jobs: BTreeSet<JobId>,
}

impl Past {
    /// Remembers `most` jobs.
    pub(super) fn new(most: usize) -> Self {
        Self { most, order: VecDeque::new(), jobs: BTreeSet::new() }
    }

    /// Remembers `job`, and forgets the oldest for it.
    pub(super) fn insert(&mut self, job: JobId) {
        if self.jobs.insert(job) {
            self.order.push_back(job);
        }
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.jobs.remove(&oldest);
            }
        }
    }

    /// Whether `job` is one of them.
    pub(super) fn contains(&self, job: &JobId) -> bool {
        self.jobs.contains(job)
    }
}
