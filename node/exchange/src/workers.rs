//! A bounded number of threads that fetch one block each, for providers that ask one server one question at a time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Answers;
use bacalhau_cas::{Cid, DataError};

/// Fetches a block.
pub(super) trait Fetch: Send + Sync + fmt::Debug + 'static {
    /// The verified bytes of `cid`. Use `pause` between attempts.
    fn fetch(&self, cid: &Cid, pause: &Pause<'_>) -> Result<Bytes, DataError>;
}

/// Threads that start when there is work, and end with this.
#[derive(Debug)]
pub(super) struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    fetch: Arc<dyn Fetch>,
    max_threads: usize,
    state: Mutex<State>,
    work: Condvar,
    closing: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Cid, Answers)>,
    threads: usize,
    idle: usize,
    closed: bool,
}

/// A way to wait that ends when the workers do.
pub(super) struct Pause<'a>(&'a Shared);

impl Pause<'_> {
    /// Waits for `time`. Returns false if the request was cancelled meanwhile.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.0.lock();
        while !state.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            state = self.0.closing.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }
}

impl Workers {
    /// At most `max_threads` that fetch by `fetch`.
    pub(super) fn new(max_threads: usize, fetch: Arc<dyn Fetch>) -> Self {
        let (work, closing) = (Condvar::new(), Condvar::new());
        Self { shared: Arc::new(Shared { fetch, max_threads, state: Mutex::default(), work, closing }) }
    }

    /// Queues requests in order. Never answers synchronously.
    pub(super) fn want(&self, cids: &[Cid], answers: &Answers) {
        let mut state = self.shared.lock();
        state.queue.extend(cids.iter().map(|cid| (*cid, Arc::clone(answers))));
        let lacking = state.queue.len().saturating_sub(state.idle);
        for _ in 0..lacking.min(self.shared.max_threads - state.threads) {
            let shared = Arc::clone(&self.shared);
            // Running threads do the work of those that cannot be started; at least one is assumed.
            if thread::Builder::new().name("blocks".into()).spawn(move || shared.work()).is_ok() {
                state.threads += 1;
            }
        }
        drop(state);
        self.shared.work.notify_all();
    }

    /// Removes requests that have not started.
    pub(super) fn cancel(&self, cids: &[Cid]) {
        self.shared.lock().queue.retain(|(cid, _)| !cids.contains(cid));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some((cid, answers)) = self.next() {
            answers(cid, self.fetch.fetch(&cid, &Pause(self)));
        }
    }

    fn next(&self) -> Option<(Cid, Answers)> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(work) = state.queue.pop_front() {
                return Some(work);
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        let left = std::mem::take(&mut state.queue);
        drop(state);
        self.shared.work.notify_all();
        self.shared.closing.notify_all();
        for (cid, answers) in left {
            answers(cid, Err(DataError::missing(&cid, "request was cancelled")));
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").field("fetch", &self.fetch).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use bacalhau_cas::{Block, Code};

    /// Waits for a word before each answer.
    #[derive(Debug)]
    struct Gated {
        begun: mpsc::Sender<Cid>,
        go: Mutex<mpsc::Receiver<()>>,
    }

    impl Fetch for Gated {
        fn fetch(&self, cid: &Cid, _pause: &Pause<'_>) -> Result<Bytes, DataError> {
            self.begun.send(*cid).unwrap();
            self.go.lock().unwrap().recv().unwrap();
            Ok(Bytes::from_static(b"x"))
        }
    }

    #[test]
    fn the_number_of_threads_is_bounded_and_what_has_not_begun_can_be_cancelled() {
        let (begun, begins) = mpsc::channel();
        let (go, gate) = mpsc::channel();
        let workers = Workers::new(2, Arc::new(Gated { begun, go: Mutex::new(gate) }));
        let cids: Vec<Cid> = (0..5_u8).map(|n| *Block::of(Code::Raw, vec![n]).cid()).collect();
        let (sender, answered) = mpsc::channel();
        let answers: Answers = Arc::new(move |cid, result| sender.send((cid, result.is_ok())).unwrap());
        workers.want(&cids, &answers);
        let mut first = [begins.recv().unwrap(), begins.recv().unwrap()];
        first.sort();
        let mut expected = [cids[0], cids[1]];
        expected.sort();
        assert_eq!(first, expected);
        workers.cancel(&cids[2..4]);
        go.send(()).unwrap();
        assert_eq!(begins.recv().unwrap(), cids[4]);
        workers.want(&cids[2..3], &answers);
        drop(workers);
        drop(answers);
        go.send(()).unwrap();
        go.send(()).unwrap();
        let mut answers: Vec<(Cid, bool)> = answered.iter().collect();
        answers.sort();
        let mut expected = vec![(cids[0], true), (cids[1], true), (cids[4], true), (cids[2], false)];
        expected.sort();
        assert_eq!(answers, expected);
    }

    /// Waits for a very long time.
    #[derive(Debug)]
    struct Patient(mpsc::Sender<bool>);

    impl Fetch for Patient {
        fn fetch(&self, cid: &Cid, pause: &Pause<'_>) -> Result<Bytes, DataError> {
            assert!(pause.wait(Duration::ZERO));
            self.0.send(true).unwrap();
            self.0.send(pause.wait(Duration::from_secs(1000))).unwrap();
            Err(DataError::missing(cid, "nothing"))
        }
    }

    #[test]
    fn pauses_end_with_the_workers() {
        let (sender, receiver) = mpsc::channel();
        let workers = Workers::new(1, Arc::new(Patient(sender)));
        let answers: Answers = Arc::new(|_, _| {});
        workers.want(&[*Block::of(Code::Raw, "x").cid()], &answers);
        assert!(receiver.recv().unwrap());
        drop(workers);
        assert!(!receiver.recv().unwrap());
    }
}
