//! The time by which a node decides: Unix milliseconds that never go back. Within a process they go on steadily, however
//! the system's clock is set meanwhile; after a restart they begin no earlier than the last time on disk.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    begin_ms: u64,
    begin: Instant,
}

impl Clock {
    /// Starts at the system's time, or at `last_ms`, the last known time, if that is later. Also returns by how much
    /// the system's clock was set back.
    pub fn begin(last_ms: u64) -> (Self, Duration) {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let system_ms = u64::try_from(system.as_millis()).unwrap_or(u64::MAX);
        Self::at(system_ms, last_ms)
    }

    fn at(system_ms: u64, last_ms: u64) -> (Self, Duration) {
        let clock = Self { begin_ms: system_ms.max(last_ms), begin: Instant::now() };
        (clock, Duration::from_millis(last_ms.saturating_sub(system_ms)))
    }

    /// The current time in Unix milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.begin_ms.saturating_add(u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// How long it is until `at_ms`.
    pub fn until(&self, at_ms: u64) -> Duration {
        Duration::from_millis(at_ms.saturating_sub(self.now_ms()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_goes_on_from_the_last_known_time() {
        let (clock, back) = Clock::at(5_000, 60_000);
        assert!(clock.now_ms() >= 60_000);
        assert_eq!(back, Duration::from_secs(55));
        let (clock, back) = Clock::at(60_000, 5_000);
        assert!(clock.now_ms() >= 60_000 && clock.now_ms() < 120_000);
        assert_eq!((back, clock.until(1)), (Duration::ZERO, Duration::ZERO));
    }
}
