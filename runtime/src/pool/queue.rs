//! The queue of a pool: which run begins next, and the threads that wait for one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bacalhau_tree::HostFailure;

use super::PoolOptions;
use super::run::Task;

/// Runs that wait or are in progress.
#[derive(Debug)]
pub(super) struct Queue {
    workplace: PathBuf,
    options: PoolOptions,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Task>>,
    running: Vec<Arc<Task>>,
    /// Memory of the runs in progress, by their limits.
    memory: u64,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Queue {
    pub(super) fn new(workplace: &Path, options: PoolOptions) -> Self {
        Self { workplace: workplace.into(), options, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Appends a run. Returns whether it needs one more thread, which the caller starts.
    ///
    /// # Errors
    /// When the queue is full.
    pub(super) fn push(self: &Arc<Self>, task: &Arc<Task>) -> Result<bool, HostFailure> {
        let mut state = self.state();
        let free = self.options.max_runs.get().saturating_sub(state.running.len());
        if state.waiting.len() >= self.options.max_queued.saturating_add(free) {
            return Err(HostFailure::new(format!(
                "{} runs of the pool are waiting: start this one later, or raise max_queued",
                state.waiting.len()
            )));
        }
        state.waiting.push_back(Arc::clone(task));
        let needs_thread = state.idle < state.waiting.len() && state.threads < self.options.max_runs.get();
        if needs_thread {
            state.threads += 1;
        }
        drop(state);
        let (queue, cancelled) = (Arc::downgrade(self), Arc::downgrade(task));
        task.control.on_cancel(move || {
            if let (Some(queue), Some(task)) = (queue.upgrade(), cancelled.upgrade()) {
                queue.withdraw(&task);
            }
        });
        self.changed.notify_one();
        Ok(needs_thread)
    }

    /// No thread could be started for a run: other threads take it.
    ///
    /// # Errors
    /// When there are none.
    pub(super) fn thread_missing(&self, task: &Arc<Task>) -> Result<(), HostFailure> {
        let mut state = self.state();
        state.threads -= 1;
        if state.threads > 0 {
            return Ok(());
        }
        state.waiting.retain(|waiting| !Arc::ptr_eq(waiting, task));
        Err(HostFailure::new("the system gives this process no thread for a run: start the run later"))
    }

    /// Ends a cancelled run that has not begun.
    fn withdraw(&self, task: &Arc<Task>) {
        let mut state = self.state();
        let Some(index) = state.waiting.iter().position(|waiting| Arc::ptr_eq(waiting, task)) else { return };
        state.waiting.remove(index);
        drop(state);
        task.end(Err(HostFailure::cancelled().into()));
        // The next one may need less memory.
        self.changed.notify_one();
    }

    /// Cancels all runs. Threads end when theirs has ended.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let tasks: Vec<_> = state.waiting.iter().chain(&state.running).cloned().collect();
        drop(state);
        for task in tasks {
            task.control.cancel();
        }
        self.changed.notify_all();
    }

    /// Does runs until the pool is closed. Of a thread of the pool.
    pub(super) fn work(&self) {
        while let Some(task) = self.next() {
            let outcome = catch_unwind(AssertUnwindSafe(|| task.work(&self.workplace)));
            self.ended(&task);
            task.end(outcome.unwrap_or_else(|_| {
                Err(HostFailure::new("cannot run the program: it panicked, which is an internal error").into())
            }));
        }
    }

    /// The first run that waits, once there is memory for it. `None` when the pool is closed.
    fn next(&self) -> Option<Arc<Task>> {
        let mut state = self.state();
        loop {
            let left = self.options.max_memory_bytes - state.memory;
            if let Some(task) = state.waiting.pop_front_if(|task| task.memory <= left) {
                state.memory += task.memory;
                state.running.push(Arc::clone(&task));
                return Some(task);
            }
            if state.closed {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn ended(&self, task: &Arc<Task>) {
        let mut state = self.state();
        state.memory -= task.memory;
        state.running.retain(|running| !Arc::ptr_eq(running, task));
        drop(state);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code can panic while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
