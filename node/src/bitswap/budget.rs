//! What one peer may cost: token buckets for wants and bytes, both ways. Over budget it is first served later, then not,
//! then not spoken to; see `config::Budget` for the bounds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::config::{Budget, Rate};

/// A bucket of tokens that may go into debt.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, state: Mutex::new((float(rate.burst), now)) }
    }

    /// Takes `tokens` and says how long it takes until the debt is paid.
    pub(super) fn take(&self, tokens: u64, now: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let per_second = float(self.rate.per_second.max(1));
        let gained = now.saturating_duration_since(state.1).as_secs_f64() * per_second;
        *state = ((state.0 + gained).min(float(self.rate.burst)) - float(tokens), now);
        // A day is longer than anything here lasts.
        Duration::from_secs_f64((-state.0 / per_second).clamp(0.0, 86_400.0))
    }
}

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

/// What becomes of a message of wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is taken; the next one is read so much later.
    Take(Duration),
    /// It is too much: dropped, and the next one is read so much later.
    Drop(Duration),
    /// It was too much too often.
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

    /// Judges a message with so many wants.
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

    /// Whether so many bytes that nobody asked for are still bearable.
    pub(super) fn bears_unasked(&self, bytes: u64, now: Instant) -> bool {
        self.unasked.take(bytes, now).is_zero()
    }
}

#[expect(clippy::cast_precision_loss, reason = "budgets need no more than 52 bits")]
fn float(tokens: u64) -> f64 {
    tokens as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_bucket_goes_into_debt_and_fills_again() {
        let start = Instant::now();
        let bucket = Bucket::new(Rate { per_second: 10, burst: 20 }, start);
        assert_eq!(bucket.take(20, start), Duration::ZERO);
        assert_eq!(bucket.take(10, start), SECOND);
        assert_eq!(bucket.take(0, start + SECOND), Duration::ZERO);
        assert_eq!(bucket.take(25, start + 100 * SECOND), SECOND / 2, "it holds no more than its burst");
    }

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
