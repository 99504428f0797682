//! Timers in order of time, so that the next one is found without scanning all jobs. Has no clock.

use std::collections::{BTreeMap, BTreeSet};

use bacalhau_job::JobId;

/// Subject of a timer: the end of a job's bidding, or a shard.
pub(super) type Timer = (JobId, Option<u32>);

/// Timers; each subject has at most one.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(u64, Timer)>,
    times: BTreeMap<Timer, u64>,
}

impl Timers {
    /// Sets or removes the timer of `timer`.
    pub(super) fn set(&mut self, timer: Timer, due_ms: Option<u64>) {
        if let Some(old) = self.times.remove(&timer) {
            self.by_time.remove(&(old, timer));
        }
        if let Some(due_ms) = due_ms {
            self.times.insert(timer, due_ms);
            self.by_time.insert((due_ms, timer));
        }
    }

    /// The next due time.
    pub(super) fn next(&self) -> Option<u64> {
        self.by_time.first().map(|(due_ms, _)| *due_ms)
    }

    /// Removes and returns the earliest timer due at `now_ms`.
    pub(super) fn pop(&mut self, now_ms: u64) -> Option<Timer> {
        let (due_ms, timer) = self.by_time.first().copied().filter(|(due_ms, _)| *due_ms <= now_ms)?;
        self.by_time.remove(&(due_ms, timer));
        self.times.remove(&timer);
        Some(timer)
    }
}
