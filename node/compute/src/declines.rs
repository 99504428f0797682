//! The latest jobs on which this node does not bid. A repeated announcement is not reported again. Also limits decline
//! messages to requesters.

use std::collections::{BTreeMap, VecDeque};

use bacalhau_job::{DeclineReason, JobId};

/// Maximum number of remembered jobs.
const MOST: usize = 4096;
/// How often a requester receives the same reason; one message may be lost.
const TOLD: u8 = 2;
/// Maximum decline messages in a time window, to all requesters together.
const MOST_IN_WINDOW: u32 = 64;
/// Maximum estimates of capacity in a time window, to all requesters together. Each stands for a bid.
const MOST_LATER_IN_WINDOW: u32 = 1024;
/// Pause between two estimates for one job in milliseconds.
const LATER_PAUSE_MS: u64 = 5_000;
/// Length of the window in milliseconds.
const WINDOW_MS: u64 = 10_000;

/// The latest jobs with reasons.
#[derive(Debug, Default)]
pub(super) struct Declines {
    order: VecDeque<JobId>,
    jobs: BTreeMap<JobId, Known>,
    window_since_ms: u64,
    told_in_window: u32,
    later_in_window: u32,
}

#[derive(Debug)]
struct Known {
    reason: DeclineReason,
    told: u8,
    /// When the requester was last told when there is capacity.
    later_ms: Option<u64>,
}

impl Declines {
    /// Remembers the reason, and returns whether it has changed.
    pub(super) fn insert(&mut self, job: JobId, reason: DeclineReason) -> bool {
        if let Some(known) = self.jobs.get_mut(&job) {
            let is_new = known.reason != reason;
            if is_new {
                *known = Known { reason, told: 0, later_ms: None };
            }
            return is_new;
        }
        self.jobs.insert(job, Known { reason, told: 0, later_ms: None });
        self.order.push_back(job);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.jobs.remove(&oldest);
        }
        true
    }

    /// Whether to send a decline for `job` now; counts it.
    pub(super) fn may_say(&mut self, job: JobId, now_ms: u64) -> bool {
        self.begin_window(now_ms);
        let Some(known) = self.jobs.get_mut(&job).filter(|known| known.told < TOLD) else { return false };
        if self.told_in_window >= MOST_IN_WINDOW {
            return false;
        }
        known.told += 1;
        self.told_in_window += 1;
        true
    }

    /// Whether to send an estimate of capacity for `job` now; counts it. A job is announced again and again while it
    /// waits, so estimates are repeated.
    pub(super) fn may_say_later(&mut self, job: JobId, now_ms: u64) -> bool {
        self.begin_window(now_ms);
        let Some(known) = self.jobs.get_mut(&job) else { return false };
        let is_due = known.later_ms.is_none_or(|later_ms| now_ms.saturating_sub(later_ms) >= LATER_PAUSE_MS);
        if !is_due || self.later_in_window >= MOST_LATER_IN_WINDOW {
            return false;
        }
        known.later_ms = Some(now_ms);
        self.later_in_window += 1;
        true
    }

    fn begin_window(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.window_since_ms) >= WINDOW_MS {
            (self.window_since_ms, self.told_in_window, self.later_in_window) = (now_ms, 0, 0);
        }
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

    #[test]
    fn estimates_are_repeated_after_a_pause_and_bounded_in_a_window() {
        let mut declines = Declines::default();
        let job: JobId = "a".repeat(32).parse().unwrap();
        assert!(!declines.may_say_later(job, 0), "nothing is known of it");
        declines.insert(job, DeclineReason::Full);
        assert_eq!([0, 4_999, 5_000].map(|now| declines.may_say_later(job, now)), [true, false, true]);
        declines.later_in_window = MOST_LATER_IN_WINDOW;
        assert!(!declines.may_say_later(job, 9_999) && !declines.may_say_later(job, 9_999));
        assert!(declines.may_say_later(job, 10_000), "a new window");
    }
}
