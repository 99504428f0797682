//! A thread pool for blocking work: a bounded number of threads, started on demand. Tasks may complete in any order.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

type Errand = Box<dyn FnOnce() + Send>;

/// The pool. Dropping it discards tasks that have not started.
#[derive(Clone)]
pub struct ThreadPool(Arc<Inner>);

struct Inner {
    name: &'static str,
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Errand>,
    threads: usize,
}

impl ThreadPool {
    /// `most` threads at a time, called `name`.
    pub fn new(name: &'static str, most: usize) -> Self {
        Self(Arc::new(Inner { name, most: most.max(1), state: Mutex::default() }))
    }

    /// Runs `task` on a thread, or on this one if no thread can be started.
    pub fn run(&self, task: impl FnOnce() + Send + 'static) {
        let mut state = self.0.state();
        state.waiting.push_back(Box::new(task));
        if state.threads >= self.0.most {
            return;
        }
        state.threads += 1;
        drop(state);
        let inner = Arc::downgrade(&self.0);
        let spawned = thread::Builder::new().name(self.0.name.into()).spawn(move || {
            while let Some(task) = inner.upgrade().and_then(|inner| inner.next()) {
                // The panic has printed its message; other tasks continue.
                let _ = catch_unwind(AssertUnwindSafe(task));
            }
        });
        if spawned.is_err() {
            let mut state = self.0.state();
            state.threads -= 1;
            let task = if state.threads == 0 { state.waiting.pop_front() } else { None };
            drop(state);
            if let Some(task) = task {
                task();
            }
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task of the calling thread; `None` ends it.
    fn next(&self) -> Option<Errand> {
        let mut state = self.state();
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.threads -= 1;
        }
        next
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state();
        write!(f, "{}: {} of {} threads, {} waiting", self.0.name, state.threads, self.0.most, state.waiting.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_errand_is_done_by_so_many_threads_at_most() {
        let pool = ThreadPool::new("test", 3);
        let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (sender, done) = mpsc::channel();
        for number in 0..100 {
            let (at_once, most, sender) = (at_once.clone(), most.clone(), sender.clone());
            pool.run(move || {
                most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                at_once.fetch_sub(1, Ordering::SeqCst);
                sender.send(number).unwrap();
                assert!(number != 50, "one that panics stops nobody");
            });
        }
        drop(sender);
        let mut numbers: Vec<u32> = done.iter().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
        assert!(most.load(Ordering::SeqCst) <= 3);
        let (sender, done) = mpsc::channel();
        pool.run(move || sender.send(()).unwrap());
        done.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
