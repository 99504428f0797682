//! Threads that compile modules: a pool of the runtime's own, started with the first module and ended with the runtime.

use std::num::NonZero;
use std::sync::OnceLock;
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

use bacalhau_tree::HostFailure;

/// The pool.
#[derive(Debug)]
pub(crate) struct Workers {
    threads: usize,
    pool: OnceLock<Result<ThreadPool, String>>,
}

impl Workers {
    /// With `threads` threads; `None`: one for each processor.
    pub(crate) fn new(threads: Option<NonZero<usize>>) -> Self {
        let threads = threads.or_else(|| thread::available_parallelism().ok());
        Self { threads: threads.map_or(1, NonZero::get), pool: OnceLock::new() }
    }

    /// Does `work` with these threads, or with the pool to which this thread belongs.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub(crate) fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, HostFailure> {
        if rayon::current_thread_index().is_some() {
            return Ok(work());
        }
        let build = || ThreadPoolBuilder::new().num_threads(self.threads).thread_name(|_| "compile".into()).build();
        match self.pool.get_or_init(|| build().map_err(|error| error.to_string())) {
            Ok(pool) => Ok(pool.install(work)),
            Err(error) => Err(HostFailure::new(format!("cannot start {} compile threads: {error}", self.threads))),
        }
    }
}
