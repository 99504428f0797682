//! Time of the last byte received from a peer: a peer that is sending a large message is not idle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A time that is read and moved by any thread.
#[derive(Debug)]
pub(super) struct LastActivity {
    start: Instant,
    /// Milliseconds since `start`.
    last: AtomicU64,
}

impl LastActivity {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, last: AtomicU64::new(0) }
    }

    pub(super) fn beat(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.fetch_max(elapsed, Ordering::Relaxed);
    }

    pub(super) fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }
}
