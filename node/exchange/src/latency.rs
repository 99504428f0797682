//! Latency of a provider: a moving average with a penalty for failures.

use std::time::Duration;

/// Weight of the newest answer in the average.
const WEIGHT: f64 = 0.2;
/// Minimum average after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(200);
const WORST: Duration = Duration::from_mins(1);
/// Minimum time before another provider is asked.
const MIN_HEDGE: Duration = Duration::from_millis(500);

/// The latency of one side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Latency(Option<Duration>);

impl Latency {
    /// Records an answer.
    pub(super) fn succeeded(&mut self, took: Duration) {
        self.0 = Some(self.0.map_or(took, |typical| typical.mul_f64(1.0 - WEIGHT) + took.mul_f64(WEIGHT)));
    }

    /// Records a failure.
    pub(super) fn failed(&mut self) {
        self.0 = self.0.map(|typical| (typical.max(AFTER_FAILURE) * 2).min(WORST));
    }

    /// Sort key: fastest first, unknown last.
    pub(super) fn rank(self) -> Duration {
        self.0.unwrap_or(Duration::MAX)
    }

    /// Time after which another provider is asked too.
    pub(super) fn hedge(self) -> Duration {
        self.0.map_or(MIN_HEDGE, |typical| (typical * 2).max(MIN_HEDGE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_comes_first_and_failures_count() {
        let [mut fast, mut slow, mut broken, unknown] = [Latency::default(); 4];
        fast.succeeded(Duration::from_millis(10));
        slow.succeeded(Duration::from_millis(300));
        broken.succeeded(Duration::from_millis(1));
        broken.failed();
        assert!(fast.rank() < slow.rank() && slow.rank() < broken.rank() && broken.rank() < unknown.rank());
        assert_eq!((fast.hedge(), slow.hedge()), (MIN_HEDGE, Duration::from_millis(600)));
        (0..100).for_each(|_| slow.succeeded(Duration::from_millis(1)));
        assert!(slow.rank() < fast.rank());
        (0..100).for_each(|_| slow.failed());
        assert_eq!(slow.rank(), WORST);
    }
}
