//! The host's watch on guests that do not end. With `deadline` the one place in the runtime that knows wall-clock time, and
//! what it ends is never a result.
//!
//! It writes into a memory that the run's loops and calls look at (`instrument`). wasmtime's own epochs would do, but
//! their check may call into the host, so that tight loops on floats take up to 2.6 times as long (measured).

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
// SAFETY: what is done with it is said in `Watched::stop`.
unsafe impl Send for Address {}

/// A run that is watched, until this is dropped. Drop it before the store.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    key: (Instant, u64),
    fired: Arc<AtomicBool>,
}

impl Watchdog {
    /// Asks the run whose stop memory this is to end once `timeout` is over.
    pub(crate) fn watch(&self, store: impl AsContext, stop: Memory, timeout: Duration) -> Watch {
        #[expect(clippy::disallowed_methods, reason = "this is the watchdog")]
        let now = Instant::now();
        // Some thirty years for who asks for more than can be counted.
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
            // It ends itself when the watchdog is gone; nobody needs to wait for it.
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
    /// What ends the run before its time.
    pub(crate) fn handle(&self) -> Handle {
        Handle { shared: Arc::downgrade(&self.shared), key: self.key }
    }

    /// Whether the run was asked to stop.
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
    /// Asks the run to stop now.
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
        // Nothing that panics happens under the lock.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runs {
    /// Asks every run to stop whose time is over.
    fn fire(&mut self, now: Instant) {
        while let Some(first) = self.watched.first_entry().filter(|first| first.key().0 <= now) {
            first.remove().stop();
        }
    }
}

impl Watched {
    /// Asks the run to stop. Only with what was just taken off the list, under its lock.
    fn stop(self) {
        let Self { stop, fired } = self;
        fired.store(true, Ordering::Release);
        #[expect(unsafe_code, reason = "wasmtime shares no memory with other threads in a safe way")]
        // SAFETY: the address is that of a memory of one page that never grows, so it stays where it is while its
        // store lives; a run takes itself off the list, under the lock that our caller holds, before its store goes.
        // Nobody in Rust reads or writes these bytes; compiled code loads them, and misses the values at most once. Both
        // lie in the page, and are aligned as it is.
        unsafe {
            AtomicI64::from_ptr(stop.word(LEAST_FUEL)).store(i64::MAX, Ordering::Relaxed);
            AtomicI64::from_ptr(stop.word(STOP)).store(i64::MIN, Ordering::Relaxed);
        }
    }
}

/// Waits for deadlines until the watchdog is gone.
fn keep_watch(shared: &Weak<Shared>) {
    /// The longest that it holds on to what it watches without looking whether anybody else does.
    const PATIENCE: Duration = Duration::from_secs(1);
    while let Some(shared) = shared.upgrade() {
        let mut runs = shared.lock();
        #[expect(clippy::disallowed_methods, reason = "this is the watchdog")]
        let now = Instant::now();
        runs.fire(now);
        let next = runs.watched.first_key_value().map_or(PATIENCE, |((deadline, _), _)| *deadline - now);
        let next = next.min(PATIENCE);
        runs.looks = Some(now + next);
        // Whether it was woken, and by what, the next round finds out.
        drop(shared.changed.wait_timeout(runs, next));
    }
}
