//! Optimization of a module that runs in its baseline form meanwhile: when and where.
//!
//! It is made by the first possible of these, and found in the cache by others:
//!
//! - a process started by the embedder, which continues when this one ends;
//! - a thread of this process, which ends with it. So it starts only when the module has been in use for a while, to
//!   avoid discarded work.
//!
//! If a run took about as long as optimizing, the next process optimizes before it runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::compiler::Form;
use crate::optimizer::Optimizer;

/// The optimization of a module.
pub(crate) struct Optimization {
    optimizer: Arc<Optimizer>,
    digest: [u8; 32],
    /// The module as it was given, until its form is there.
    binary: Mutex<Option<Arc<[u8]>>>,
    loaded: Instant,
    patience: Duration,
    /// Whether another process was started for it.
    elsewhere: AtomicBool,
    /// Whether a thread of this process has it to do.
    here: AtomicBool,
    /// `None` in it: it could not be made.
    made: OnceLock<Option<Form>>,
}

impl Optimization {
    /// Of a module that has been loaded now, and has to be in use for `patience` before it is worth the effort.
    #[expect(clippy::disallowed_methods, reason = "when a module is compiled cannot be seen in any result")]
    pub(crate) fn new(optimizer: Arc<Optimizer>, digest: [u8; 32], binary: &[u8], patience: Duration) -> Self {
        Self {
            optimizer,
            digest,
            binary: Mutex::new(Some(binary.into())),
            loaded: Instant::now(),
            patience,
            elsewhere: AtomicBool::new(false),
            here: AtomicBool::new(false),
            made: OnceLock::new(),
        }
    }

    /// The form, if this process or another one has made it.
    pub(crate) fn form(&self) -> Option<&Form> {
        if self.made.get().is_none()
            && let Some(form) = self.optimizer.cached(self.digest)
        {
            self.set(Some(form));
        }
        self.made.get()?.as_ref()
    }

    /// Records the start of a run.
    pub(crate) fn run_begins(self: &Arc<Self>) {
        if self.loaded.elapsed() < self.patience || self.form().is_some() || self.start_elsewhere() {
            return;
        }
        if self.optimizer.optimizes {
            self.start_here();
        }
    }

    /// A run of some form took so long.
    pub(crate) fn run_took(&self, time: Duration) {
        if time >= self.patience && self.made.get().is_none() {
            self.optimizer.remember_long_run(self.digest);
        }
    }

    /// Starts another process for it, unless one is optimizing. Returns whether this process can leave it to others.
    pub(crate) fn start_elsewhere(&self) -> bool {
        let Some(binary) = self.binary().clone() else { return true };
        if self.elsewhere.swap(true, Ordering::Relaxed) {
            return true;
        }
        let started = self.optimizer.elsewhere(&binary, self.digest);
        self.elsewhere.store(started == Some(true), Ordering::Relaxed);
        started.is_some()
    }

    /// Waits until it is made or cannot be. Returns at once where this process makes none.
    pub(crate) fn settle(self: &Arc<Self>) {
        if self.form().is_none() && self.optimizer.optimizes {
            self.start_here();
            self.made.wait();
        }
    }

    fn start_here(self: &Arc<Self>) {
        if !self.here.swap(true, Ordering::Relaxed) {
            let this = Arc::clone(self);
            if !self.optimizer.later(Box::new(move || this.make())) {
                self.set(None);
            }
        }
    }

    /// Makes it, on the thread for that.
    fn make(&self) {
        if self.form().is_some() {
            return;
        }
        let binary = self.binary().clone();
        let make = || binary.and_then(|binary| self.optimizer.here(&binary, self.digest));
        // A panic has printed its message; waiting threads must be notified too.
        self.set(catch_unwind(AssertUnwindSafe(make)).ok().flatten());
    }

    fn set(&self, form: Option<Form>) {
        // Two threads may find it at the same time; both forms are equivalent.
        let _ = self.made.set(form);
        *self.binary() = None;
    }

    fn binary(&self) -> MutexGuard<'_, Option<Arc<[u8]>>> {
        self.binary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
