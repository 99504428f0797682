//! One run of a pool, from its place in the queue to its results.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bacalhau_tree::{Control, Deadline, Progress, inputs::Inputs};

use crate::error::Error;
use crate::hashed::Results;
use crate::runtime::{Module, Runtime};
use bacalhau_receipt::Job;

/// A run of a [`Pool`](crate::Pool). Dropping it cancels it.
pub struct Run(Arc<Task>);

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunState {
    /// It waits for a thread or for memory of the pool.
    Queued,
    /// It is in progress.
    Running,
    /// It has results or an error.
    Ended,
}

/// What a run ended with.
type Outcome = Result<Arc<Results>, Arc<Error>>;

/// What a run is about.
pub(super) struct Work {
    pub(super) runtime: Runtime,
    pub(super) module: Module,
    pub(super) job: Job,
    pub(super) inputs: Inputs,
    pub(super) timeout: Duration,
}

/// A run, shared by its handle and the pool.
pub(super) struct Task {
    pub(super) control: Control,
    /// Memory by its limits.
    pub(super) memory: u64,
    /// Taken when it begins.
    work: Mutex<Option<Work>>,
    begun: AtomicBool,
    has_ended: AtomicBool,
    outcome: Mutex<Option<Outcome>>,
    ended: Condvar,
}

impl Task {
    pub(super) fn new(work: Work, memory: u64) -> Self {
        Self {
            control: Control::default(),
            memory,
            work: Mutex::new(Some(work)),
            begun: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            outcome: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Runs it on this thread.
    pub(super) fn work(&self, workplace: &Path) -> Result<Results, Error> {
        self.begun.store(true, Ordering::Release);
        let Some(work) = lock(&self.work).take() else { return Err(bacalhau_tree::HostFailure::cancelled().into()) };
        let Work { runtime, module, job, inputs, timeout } = work;
        let deadline = Deadline::under(&self.control, timeout);
        runtime.execute_under(&deadline, &module, &job, &inputs, workplace)?.hash()
    }

    /// Records what it ended with.
    pub(super) fn end(&self, outcome: Result<Results, Error>) {
        // A run that never began lets go of its inputs here.
        drop(lock(&self.work).take());
        *lock(&self.outcome) = Some(outcome.map(Arc::new).map_err(Arc::new));
        self.has_ended.store(true, Ordering::Release);
        self.ended.notify_all();
    }
}

impl Run {
    pub(super) fn new(task: Arc<Task>) -> Self {
        Self(task)
    }

    /// Where it is. Takes no lock.
    pub fn state(&self) -> RunState {
        let Task { begun, has_ended, .. } = &*self.0;
        match (begun.load(Ordering::Acquire), has_ended.load(Ordering::Acquire)) {
            (_, true) => RunState::Ended,
            (true, false) => RunState::Running,
            (false, false) => RunState::Queued,
        }
    }

    /// How far it is. Takes no lock.
    pub fn progress(&self) -> Progress {
        self.0.control.progress()
    }

    /// Its control: to read its output so far, to bound its disk use, and for other owners who may cancel it.
    pub fn control(&self) -> &Control {
        &self.0.control
    }

    /// Cancels it and returns at once. It ends with an error, unless it has just completed.
    pub fn cancel(&self) {
        self.0.control.cancel();
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// What it ended with: see [`Runtime::run`].
    pub fn wait(&self) -> Result<Arc<Results>, Arc<Error>> {
        let mut outcome = lock(&self.0.outcome);
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone();
            }
            outcome = self.0.ended.wait(outcome).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until it has ended, but not longer than `most`: `None` then.
    pub fn wait_for(&self, most: Duration) -> Option<Result<Arc<Results>, Arc<Error>>> {
        let outcome = lock(&self.0.outcome);
        let waited = self.0.ended.wait_timeout_while(outcome, most, |outcome| outcome.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if !self.0.has_ended.load(Ordering::Acquire) {
            self.cancel();
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("state", &self.state()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("memory", &self.memory).finish_non_exhaustive()
    }
}

/// A panic cannot leave the state inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
