//! Rate limits of a peer: token buckets for wants and bytes in both directions. Over budget, a peer is first served
//! later, then not at all, then disconnected; see `config::Budget` for the limits.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::config::Budget;
use bacalhau_values::budget::Bucket;

/// The buckets of one peer.
#[derive(Debug)]
pub(super) struct PeerBudget {
    pub(super) wants_received: Bucket,
    pub(super) wants_sent: Bucket,
    pub(super) bytes_served: Bucket,
    pub(super) bytes_received: Bucket,
    unasked: Bucket,
    delay: Duration,
    drops_left: Mutex<u32>,
}

/// Decision about a message with wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Accepted; the next one is read after this pause.
    Take(Duration),
    /// Dropped; the next one is read after this pause.
    Drop(Duration),
    /// Decides about a message with `count` wants.
    Disconnect,
}

impl PeerBudget {
    pub(super) fn new(budget: &Budget, now: Instant) -> Self {
        Self {
            wants_received: Bucket::new(budget.wants_received, now),
            wants_sent: Bucket::new(budget.wants_sent, now),
            bytes_served: Bucket::new(budget.bytes_served, now),
            bytes_received: Bucket::new(budget.bytes_received, now),
            unasked: Bucket::new(budget.unasked, now),
            delay: budget.delay,
            drops_left: Mutex::new(budget.drops),
        }
    }

    /// Whether unrequested bytes are still within the budget.
    pub(super) fn wants(&self, count: usize, now: Instant) -> Verdict {
        let late = self.wants_received.take(count as u64, now);
        if late <= self.delay {
            return Verdict::Take(late);
        }
        let mut drops_left = self.drops_left.lock().unwrap_or_else(PoisonError::into_inner);
        match drops_left.checked_sub(1) {
            Some(left) => {
                *drops_left = left;
                Verdict::Drop(self.delay)
            }
            None => Verdict::Disconnect,
        }
    }

    /// Whether unrequested bytes are still within the budget.
    pub(super) fn bears_unasked(&self, bytes: u64, now: Instant) -> bool {
        self.unasked.take(bytes, now).is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_values::budget::Rate;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn too_many_wants_are_delayed_then_dropped_then_answered_with_the_door() {
        let start = Instant::now();
        let wants_received = Rate { per_second: 10, burst: 10 };
        let budget = Budget { wants_received, delay: 2 * SECOND, drops: 2, ..Budget::default() };
        let peer = PeerBudget::new(&budget, start);
        assert_eq!(peer.wants(10, start), Verdict::Take(Duration::ZERO));
        assert_eq!(peer.wants(20, start), Verdict::Take(2 * SECOND));
        assert_eq!(peer.wants(1, start), Verdict::Drop(2 * SECOND));
        assert_eq!(peer.wants(1, start), Verdict::Drop(2 * SECOND));
        assert_eq!(peer.wants(1, start), Verdict::Disconnect);
        assert_eq!(peer.wants(1, start + 9 * SECOND), Verdict::Take(Duration::ZERO));
    }

    #[test]
    fn what_nobody_asked_for_is_borne_up_to_a_bound() {
        let start = Instant::now();
        let budget = Budget { unasked: Rate { per_second: 1, burst: 100 }, ..Budget::default() };
        let peer = PeerBudget::new(&budget, start);
        assert!(peer.bears_unasked(100, start));
        assert!(!peer.bears_unasked(1, start));
    }
}
