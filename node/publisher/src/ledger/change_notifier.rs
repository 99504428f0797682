//! Change notification of a ledger within this process. Changes by other processes are not reported.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A change counter to wait on.
#[derive(Debug, Default)]
pub(super) struct ChangeNotifier {
    changes: Mutex<u64>,
    changed: Condvar,
}

impl ChangeNotifier {
    /// Reports a change.
    pub(super) fn notify(&self) {
        *self.lock() += 1;
        self.changed.notify_all();
    }

    /// Number of changes. Read it before the state, and pass it to [`wait`](Self::wait), so that no change is missed.
    pub(super) fn count(&self) -> u64 {
        *self.lock()
    }

    /// Waits until the counter exceeds `since`, for at most `time`.
    pub(super) fn wait(&self, since: u64, time: Duration) {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |changes| *changes == since);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
