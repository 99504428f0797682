//! Jobs on which this node does not bid, the latest ones only: a job that is announced every two seconds is no news every
//! two seconds. And how often requesters are told.

use std::collections::{BTreeMap, VecDeque};

use crate::job::{DeclineReason, JobId};

/// Jobs that are remembered.
const MOST: usize = 4096;
/// How often a requester is told the same reason: one message may be lost.
const TOLD: u8 = 2;
/// Messages in one window of time, to all requesters together.
const MOST_IN_WINDOW: u32 = 64;
/// Length of such a window.
const WINDOW_MS: u64 = 10_000;

/// The latest jobs, up to a bound.
#[derive(Debug, Default)]
pub(super) struct Declines {
    order: VecDeque<JobId>,
    jobs: BTreeMap<JobId, Known>,
    window_since_ms: u64,
    told_in_window: u32,
}

#[derive(Debug)]
struct Known {
    reason: DeclineReason,
    told: u8,
}

impl Declines {
    /// Remembers the reason, and says whether it is another one than before.
    pub(super) fn insert(&mut self, job: JobId, reason: DeclineReason) -> bool {
        if let Some(known) = self.jobs.get_mut(&job) {
            let is_new = known.reason != reason;
            if is_new {
                *known = Known { reason, told: 0 };
            }
            return is_new;
        }
        self.jobs.insert(job, Known { reason, told: 0 });
        self.order.push_back(job);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.jobs.remove(&oldest);
        }
        true
    }

    /// Whether the requester of `job` is told now, which is counted.
    pub(super) fn may_say(&mut self, job: JobId, now_ms: u64) -> bool {
        if now_ms.saturating_sub(self.window_since_ms) >= WINDOW_MS {
            (self.window_since_ms, self.told_in_window) = (now_ms, 0);
        }
        let Some(known) = self.jobs.get_mut(&job).filter(|known| known.told < TOLD) else { return false };
        if self.told_in_window >= MOST_IN_WINDOW {
            return false;
        }
        known.told += 1;
        self.told_in_window += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requester_is_told_twice_and_all_of_them_so_often_in_a_window() {
        let job = |number: u64| {
            format!("{number:a>32}").replace('0', "b").replace('1', "c").replace('8', "d").replace('9', "e")
        };
        let job = |number| job(number).parse::<JobId>().unwrap();
        let mut declines = Declines::default();
        assert!(declines.insert(job(2), DeclineReason::Full) && !declines.insert(job(2), DeclineReason::Full));
        assert!(!declines.may_say(job(3), 0), "nothing is known of it");
        assert_eq!([0; 3].map(|now| declines.may_say(job(2), now)), [true, true, false]);
        assert!(declines.insert(job(2), DeclineReason::Policy) && declines.may_say(job(2), 0), "another reason");
        let jobs: Vec<JobId> = (100..300).map(job).collect();
        let told = |declines: &mut Declines, now| {
            jobs.iter()
                .filter(|job| {
                    declines.insert(**job, DeclineReason::NoInput);
                    declines.may_say(**job, now)
                })
                .count()
        };
        assert_eq!(told(&mut declines, 9_999), 61);
        assert_eq!(told(&mut declines, 10_000), 64);
    }
}
