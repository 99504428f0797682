//! Advances ledger entries one step at a time, each on disk before the next. Each publisher has one thread, in one
//! process of a data directory; other processes take over when it ends.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::{File, TryLockError};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bacalhau_tree::HostFailure;

use super::{Entry, Ledger, PublisherState, StepError};

/// Poll interval for entries and ends of other processes. New entries of this process are noticed at once.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// Pause after the first failure in a row; doubles with each further one.
const RETRY: Duration = Duration::from_secs(1);
/// Maximum pause.
const LONGEST_RETRY: Duration = Duration::from_mins(10);
/// Maximum failures in a row, which takes some days.
pub(super) const MOST_FAILURES: u32 = 1000;
/// How long a stopping driver waits for a step. Longer steps continue detached: steps are idempotent.
const GRACE: Duration = Duration::from_secs(1);

/// An asynchronous publisher.
pub trait PublicationTask: Send + Sync + Debug {
    /// Takes the next step of `entry` at `now_ms`, in Unix milliseconds. Changes, also after errors, are persisted
    /// before the next call. Must be idempotent: after a crash the same step is repeated, so identifiers must be in the
    /// entry before they are used.
    ///
    /// # Errors
    /// Why the step failed. It is retried with increasing pauses, for some days.
    fn advance(&self, entry: &mut Entry, now_ms: u64) -> Result<Next, StepError>;
}

/// The next action after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another step after this time.
    In(Duration),
    /// None: the publication has ended, with or without success.
    Ended,
}

/// The publishers of entries. Entries of absent publishers wait.
#[derive(Clone, Debug, Default)]
pub struct PublicationTasks {
    /// The publisher of deals.
    pub filecoin: Option<Arc<dyn PublicationTask>>,
    /// The publisher of pins.
    pub estuary: Option<Arc<dyn PublicationTask>>,
    /// The publisher to warm storage.
    pub pdp: Option<Arc<dyn PublicationTask>>,
}

/// The driver threads. Dropping it stops them after the current step, or detaches long steps.
#[derive(Debug)]
pub struct Driver {
    ledger: Ledger,
    ending: Arc<AtomicBool>,
    threads: Vec<(JoinHandle<()>, mpsc::Receiver<()>)>,
}

impl Driver {
    /// Drives the entries of `ledger`.
    ///
    /// # Errors
    /// When no thread can be started, or the lock file cannot be created.
    pub fn start(ledger: Ledger, tasks: PublicationTasks) -> Result<Self, HostFailure> {
        let mut driver = Self { ledger, ending: Arc::default(), threads: Vec::new() };
        let PublicationTasks { filecoin, estuary, pdp } = tasks;
        let tasks =
            [(PublisherState::FILECOIN, filecoin), (PublisherState::ESTUARY, estuary), (PublisherState::PDP, pdp)];
        for (publisher, task) in tasks {
            let Some(task) = task else { continue };
            let ledger = driver.ledger.clone();
            let path = ledger.lock_path(publisher);
            let lock = File::create(&path).map_err(|error| HostFailure::at("make", &path, error))?;
            let ending = Arc::clone(&driver.ending);
            let publisher_loop =
                PublisherLoop { ledger, publisher, task, lock, locked: false, ending, due: BTreeMap::new() };
            let (alive, ended) = mpsc::channel::<()>();
            let run = move || {
                publisher_loop.run();
                drop(alive);
            };
            let thread = thread::Builder::new().name(format!("publish {publisher}")).spawn(run);
            driver.threads.push((thread.map_err(|error| HostFailure::io("start a thread", error))?, ended));
        }
        Ok(driver)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        self.ledger.changes.notify();
        let until = Instant::now() + GRACE;
        for (thread, ended) in self.threads.drain(..) {
            let rest = until.saturating_duration_since(Instant::now());
            if ended.recv_timeout(rest) == Err(RecvTimeoutError::Disconnected) {
                // The panic has printed its message.
                let _ = thread.join();
            }
        }
    }
}

/// State of a publisher's thread.
struct PublisherLoop {
    ledger: Ledger,
    publisher: &'static str,
    task: Arc<dyn PublicationTask>,
    lock: File,
    locked: bool,
    ending: Arc<AtomicBool>,
    /// Due time of each entry in Unix milliseconds. While this process has the lock, no other changes entries.
    due: BTreeMap<String, u64>,
}

impl PublisherLoop {
    fn run(mut self) {
        loop {
            let count = self.ledger.changes.count();
            if self.is_ending() {
                return;
            }
            match self.try_lock() {
                Ok(true) => self.round(),
                Ok(false) => {}
                Err(error) => {
                    let publisher = self.publisher;
                    tracing::error!("publication worker stopped for {publisher}: the lock cannot be taken: {error}");
                    return;
                }
            }
            let soonest = self
                .due
                .values()
                .min()
                .map_or(LOOK, |due| Duration::from_millis(due.saturating_sub(now_ms())).min(LOOK));
            self.ledger.changes.wait(count, soonest);
        }
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    fn try_lock(&mut self) -> Result<bool, std::io::Error> {
        if !self.locked {
            match self.lock.try_lock() {
                Ok(()) => self.locked = true,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(self.locked)
    }

    /// Takes one step of every due entry.
    fn round(&mut self) {
        let names = match self.ledger.open_names(self.publisher) {
            Ok(names) => names,
            Err(error) => return tracing::error!("publications are paused: {error}"),
        };
        self.due.retain(|name, _| names.binary_search(name).is_ok());
        for name in names {
            let due = *self.due.entry(name.clone()).or_default();
            if self.is_ending() || due > now_ms() {
                continue;
            }
            match self.step(&name) {
                Ok(Some(next_ms)) => self.due.insert(name, next_ms),
                Ok(None) => self.due.remove(&name),
                Err(error) => {
                    tracing::error!(entry = name, "a publication is paused: {error}");
                    self.due.insert(name, later(now_ms(), LONGEST_RETRY))
                }
            };
        }
    }

    /// Takes one step if it is due by its stored time, and persists it. Returns the next due time.
    fn step(&self, name: &str) -> Result<Option<u64>, HostFailure> {
        let Some(mut entry) = self.ledger.get(name)?.filter(|entry| !entry.ended) else { return Ok(None) };
        let now_ms = now_ms();
        if entry.next_ms > now_ms {
            return Ok(Some(entry.next_ms));
        }
        let before = entry.clone();
        let advanced = panic::catch_unwind(AssertUnwindSafe(|| self.task.advance(&mut entry, now_ms)));
        let next = match advanced {
            Ok(Ok(next)) => {
                entry.failures = 0;
                next
            }
            Ok(Err(error)) => failed(&mut entry, &error.to_string(), now_ms),
            Err(_) => {
                // After a panic, the entry may be inconsistent.
                entry = before;
                failed(&mut entry, "internal error: the publisher panicked; see the log of the node", now_ms)
            }
        };
        match next {
            Next::In(wait) => entry.next_ms = later(now_ms, wait),
            Next::Ended => (entry.ended, entry.needs_node, entry.next_ms) = (true, false, now_ms),
        }
        self.ledger.put(&entry)?;
        Ok((!entry.ended).then_some(entry.next_ms))
    }
}

/// Records a failed step, and when to retry.
fn failed(entry: &mut Entry, why: &str, now_ms: u64) -> Next {
    entry.failures = entry.failures.saturating_add(1);
    if entry.failures >= MOST_FAILURES {
        entry.fail(now_ms, format!("stopped after {MOST_FAILURES} failures in a row: {why}"));
        return Next::Ended;
    }
    tracing::warn!(entry = entry.name(), "a publication step failed and will be retried: {why}");
    entry.wait(now_ms, why);
    Next::In(RETRY.saturating_mul(1 << (entry.failures - 1).min(20)).min(LONGEST_RETRY))
}

fn later(now_ms: u64, wait: Duration) -> u64 {
    now_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

/// The current time in Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
