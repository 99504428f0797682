//! Jobs on which this node does not bid, the latest ones only: a job that is announced every two seconds is no news every
//! two seconds.

use std::collections::{BTreeMap, VecDeque};

use crate::job::{DeclineReason, JobId};

/// Jobs that are remembered.
const MOST: usize = 4096;

/// The latest jobs, up to a bound.
#[derive(Debug, Default)]
pub(super) struct Declines {
    order: VecDeque<JobId>,
    reasons: BTreeMap<JobId, DeclineReason>,
}

impl Declines {
    /// Remembers the reason, and says whether it is another one than before.
    pub(super) fn insert(&mut self, job: JobId, reason: DeclineReason) -> bool {
        let before = self.reasons.insert(job, reason);
        if before.is_none() {
            self.order.push_back(job);
        }
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.reasons.remove(&oldest);
            }
        }
        before != Some(reason)
    }
}
