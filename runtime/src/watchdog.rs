//! Stops guests that do not end. With `deadline` the only code in the runtime with wall-clock time; a stopped run is
//! never a result.
//!
//! It writes to a memory that the run's loops and calls check (`instrument`). wasmtime's epochs may call into the host,
//! which slows tight float loops up to 2.6 times (measured).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::{AsContext, Memory};

use crate::instrument::{LEAST_FUEL, STOP};

/// Watches any number of runs with one thread, which is started by the first and ends with this.
#[derive(Debug, Default)]
pub(crate) struct Watchdog(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    runs: Mutex<Runs>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Runs {
    /// By deadline, and by number where two are equal.
    watched: BTreeMap<(Instant, u64), Watched>,
    next: u64,
    started: bool,
    /// When the thread looks next. Waking it takes longer than an empty run, so it is left asleep where that will do.
    looks: Option<Instant>,
}

#[derive(Debug)]
struct Watched {
    stop: Address,
    fired: Arc<AtomicBool>,
}

/// Where the memory begins in which a run looks for the wish to stop.
#[derive(Debug)]
struct Address(*mut u8);

impl Address {
    fn word(&self, offset: u64) -> *mut i64 {
        // Both offsets are below 16.
        self.0.wrapping_add(usize::try_from(offset).unwrap_or(0)).cast()
    }
}

#[expect(unsafe_code, reason = "an address is only a number until it is written to")]
// SAFETY: `Watched::stop` explains its use.
unsafe impl Send for Address {}

/// A run that is watched, until this is dropped. Drop it before the store.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    key: (Instant, u64),
    fired: Arc<AtomicBool>,
}

impl Watchdog {
    /// Stops the run with this stop memory after `timeout`.
    pub(crate) fn watch(&self, store: impl AsContext, stop: Memory, timeout: Duration) -> Watch {
        #[expect(clippy::disallowed_methods, reason = "this is the watchdog")]
        let now = Instant::now();
        // About thirty years, for longer timeouts than can be represented.
        let deadline = now.checked_add(timeout).unwrap_or_else(|| now + Duration::from_secs(1 << 30));
        let fired = Arc::new(AtomicBool::new(false));
        let watched = Watched { stop: Address(stop.data_ptr(store)), fired: fired.clone() };
        let mut runs = self.0.lock();
        let key = (deadline, runs.next);
        runs.next += 1;
        runs.watched.insert(key, watched);
        let late = runs.looks.is_some_and(|looks| looks > deadline);
        if !std::mem::replace(&mut runs.started, true) {
            let shared = Arc::downgrade(&self.0);
            // It ends with the watchdog; no thread waits for it.
            thread::spawn(move || keep_watch(&shared));
        }
        drop(runs);
        if late {
            self.0.changed.notify_one();
        }
        Watch { shared: self.0.clone(), key, fired }
    }
}

impl Watch {
    /// Handle to stop the run early.
    pub(crate) fn handle(&self) -> Handle {
        Handle { shared: Arc::downgrade(&self.shared), key: self.key }
    }

    /// Whether the run was stopped.
    pub(crate) fn has_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire)
    }
}

/// Ends a watched run, if it still is.
pub(crate) struct Handle {
    shared: Weak<Shared>,
    key: (Instant, u64),
}

impl Handle {
    /// Stops the run now.
    pub(crate) fn fire(&self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut runs = shared.lock();
        if let Some(watched) = runs.watched.remove(&self.key) {
            watched.stop();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.lock().watched.remove(&self.key);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Runs> {
        // No code can panic while the lock is held.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runs {
    /// Stops all runs whose time is over.
    fn fire(&mut self, now: Instant) {
        while let Some(first) = self.watched.first_entry().filter(|first| first.key().0 <= now) {
            first.remove().stop();
        }
    }
}

impl Watched {
    /// Stops the run. Only for entries just removed from the list, under its lock.
    fn stop(self) {
        let Self { stop, fired } = self;
        fired.store(true, Ordering::Release);
        #[expect(unsafe_code, reason = "wasmtime shares no memory with other threads in a safe way")]
        // SAFETY: the address is in a memory of one page that never grows, so it is stable while its store lives; a run
        // removes itself from the list, under the lock that the caller holds, before its store is dropped. No Rust code
        // reads or writes these bytes; compiled code loads them, and misses the values at most once. Both are within
        // the page, and aligned as it is.
        unsafe {
            AtomicI64::from_ptr(stop.word(LEAST_FUEL)).store(i64::MAX, Ordering::Relaxed);
            AtomicI64::from_ptr(stop.word(STOP)).store(i64::MIN, Ordering::Relaxed);
        }
    }
}

/// Waits for deadlines until the watchdog is dropped.
fn keep_watch(shared: &Weak<Shared>) {
    /// Maximum time between checks whether other owners exist.
    const PATIENCE: Duration = Duration::from_secs(1);
    while let Some(shared) = shared.upgrade() {
        let mut runs = shared.lock();
        #[expect(clippy::disallowed_methods, reason = "this is the watchdog")]
        let now = Instant::now();
        runs.fire(now);
        let next = runs.watched.first_key_value().map_or(PATIENCE, |((deadline, _), _)| *deadline - now);
        let next = next.min(PATIENCE);
        runs.looks = Some(now + next);
        // The next round determines the reason of the wake-up.
        drop(shared.changed.wait_timeout(runs, next));
    }
}
