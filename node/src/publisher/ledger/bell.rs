//! Wakes those who wait until something in a ledger changes in this process. What other processes change it does not hear.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    /// Something has changed.
    pub(super) fn ring(&self) {
        *self.lock() += 1;
        self.rung.notify_all();
    }

    /// How often it has rung. Ask before you look, and [`wait`](Self::wait) for more after it: then nothing is missed.
    pub(super) fn rings(&self) -> u64 {
        *self.lock()
    }

    /// Waits until it has rung more often than `since`, at most for `time`.
    pub(super) fn wait(&self, since: u64, time: Duration) {
        let waited = self.rung.wait_timeout_while(self.lock(), time, |rings| *rings == since);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
