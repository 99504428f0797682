//! Runs on threads of a pool: a bounded number at a time, of a bounded amount of memory; the others wait in order.

mod queue;
mod run;

use std::fmt;
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bacalhau_tree::{HostFailure, inputs::Inputs};

use crate::error::Error;
use crate::runtime::{Module, Runtime};
use bacalhau_receipt::Job;
use queue::Queue;
use run::{Task, Work};

pub use run::{Run, RunState};

/// Bounds of a [`Pool`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PoolOptions {
    /// Runs at a time, each on a thread of the pool. Default: the number of processors.
    pub max_runs: NonZero<usize>,
    /// Runs that wait. Default 10 000; one more is refused.
    pub max_queued: usize,
    /// Memory of all runs at a time in bytes, by their limits: [`Limits::memory_bytes`](crate::Limits::memory_bytes) and
    /// [`Limits::host_bytes`](crate::Limits::host_bytes) (or [`Options::host_bytes`](crate::Options::host_bytes)) of each.
    /// Default `u64::MAX`: `max_runs` is the only bound.
    pub max_memory_bytes: u64,
}

impl Default for PoolOptions {
    fn default() -> Self {
        let max_runs = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self { max_runs, max_queued: 10_000, max_memory_bytes: u64::MAX }
    }
}

impl PoolOptions {
    /// Sets [`max_runs`](Self::max_runs).
    #[must_use]
    pub fn with_max_runs(self, max_runs: NonZero<usize>) -> Self {
        Self { max_runs, ..self }
    }

    /// Sets [`max_queued`](Self::max_queued).
    #[must_use]
    pub fn with_max_queued(self, max_queued: usize) -> Self {
        Self { max_queued, ..self }
    }

    /// Sets [`max_memory_bytes`](Self::max_memory_bytes).
    #[must_use]
    pub fn with_max_memory_bytes(self, max_memory_bytes: u64) -> Self {
        Self { max_memory_bytes, ..self }
    }
}

/// Runs jobs on its own threads, which are started when they are needed and end with the pool.
///
/// A run with inputs has up to 10 further threads, which read and hash them. Dropping the pool cancels its runs and waits for
/// its threads.
pub struct Pool {
    runtime: Runtime,
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    options: PoolOptions,
}

impl Pool {
    /// A pool whose runs have their files in `workplace` until they are kept. Nothing is started yet.
    pub fn new(runtime: &Runtime, workplace: &Path, options: PoolOptions) -> Self {
        let queue = Arc::new(Queue::new(workplace, options));
        Self { runtime: runtime.clone(), queue, threads: Mutex::default(), options }
    }

    /// Starts `job`, or appends it to the queue. `timeout` counts from when it begins, and includes hashing its inputs and
    /// results.
    ///
    /// Dropping the [`Run`] cancels it.
    ///
    /// # Errors
    /// [`Error::Host`] when the queue is full, the job may need more memory than the pool has, or no thread can be started.
    /// What is wrong with the job itself is found when it runs.
    pub fn start(&self, module: &Module, job: Job, inputs: Inputs, timeout: Duration) -> Result<Run, Error> {
        let memory = job.limits.memory_bytes.saturating_add(self.runtime.host_bytes(&job));
        let most = self.options.max_memory_bytes;
        if memory > most {
            return Err(HostFailure::new(format!(
                "the job may use {memory} bytes of memory by its limits, and max_memory_bytes of the pool is {most}: lower \
                 memory_bytes of the job, or raise it"
            ))
            .into());
        }
        let work = Work { runtime: self.runtime.clone(), module: module.clone(), job, inputs, timeout };
        let task = Arc::new(Task::new(work, memory));
        let needs_thread = self.queue.push(&task)?;
        if needs_thread && self.spawn().is_err() {
            self.queue.thread_missing(&task)?;
        }
        Ok(Run::new(task))
    }

    fn spawn(&self) -> std::io::Result<()> {
        let queue = Arc::clone(&self.queue);
        let thread = thread::Builder::new().name("bacalhau".into()).spawn(move || queue.work())?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.close();
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // The last owner may be a run's own input.
            if thread.thread().id() != thread::current().id() {
                // A panic has ended its run with an error.
                let _ = thread.join();
            }
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("options", &self.options).finish_non_exhaustive()
    }
}
