//! What has to be done when: in order of time, so that the next is found without a look at every job. It has no clock.

use std::collections::{BTreeMap, BTreeSet};

use crate::job::JobId;

/// What a time is for: the end of a job's bidding, or something of one shard.
pub(super) type Timer = (JobId, Option<u32>);

/// Times and what they are for; each has one at most.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_time: BTreeSet<(u64, Timer)>,
    times: BTreeMap<Timer, u64>,
}

impl Timers {
    /// Sets the time of `timer`, or takes it away.
    pub(super) fn set(&mut self, timer: Timer, due_ms: Option<u64>) {
        if let Some(old) = self.times.remove(&timer) {
            self.by_time.remove(&(old, timer));
        }
        if let Some(due_ms) = due_ms {
            self.times.insert(timer, due_ms);
            self.by_time.insert((due_ms, timer));
        }
    }

    /// The next time at which something is due.
    pub(super) fn next(&self) -> Option<u64> {
        self.by_time.first().map(|(due_ms, _)| *due_ms)
    }

    /// Takes out one that is due at `now_ms`, the earliest first.
    pub(super) fn pop(&mut self, now_ms: u64) -> Option<Timer> {
        let (due_ms, timer) = self.by_time.first().copied().filter(|(due_ms, _)| *due_ms <= now_ms)?;
        self.by_time.remove(&(due_ms, timer));
        self.times.remove(&timer);
        Some(timer)
    }
}
