//! Threads that compile modules: a pool of the runtime's own, started with the first module and ended with the runtime.

use std::num::NonZero;
use std::sync::OnceLock;
use std::thread;

use rayon::prelude::*;
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

/// A pool of background threads: work of a run must not queue behind theirs.
pub(crate) struct Background(Option<ThreadPool>);

impl Background {
    /// Each thread calls `start` first. Without threads, this thread does the work.
    pub(crate) fn new(start: fn()) -> Self {
        let pool = ThreadPoolBuilder::new().thread_name(|_| "optimise".into()).start_handler(move |_| start()).build();
        Self(pool.ok())
    }

    /// Does `work` with these threads.
    pub(crate) fn install(&self, work: impl FnOnce() + Send) {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// Changes all `items`, each with its element of `beside`, with the threads of this pool. A thread has one scratch value.
pub(crate) fn change_all<A: Send, B: Sync, S: Default, C: Send>(
    items: Vec<A>,
    beside: &[B],
    change: impl Fn(&mut S, (A, &B)) -> C + Send + Sync,
) -> Vec<C> {
    items.into_par_iter().zip(beside).map_init(S::default, change).collect()
}
