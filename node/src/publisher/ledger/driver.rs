//! Takes the entries of a ledger further, one step at a time, each on disk before the next. For each publisher there is one
//! thread, and one process of a data directory; others wait until it ends.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs::{File, TryLockError};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bacalhau_runtime::HostFailure;

use super::{Entry, Ledger, Matter};

/// How often it is looked for entries of other processes, and whether they have ended. What begins in this process is seen
/// at once.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// The wait after the first failure in a row; it doubles with each further one.
const RETRY: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_RETRY: Duration = Duration::from_mins(10);
/// Failures in a row after which it is given up: some days.
pub(super) const MOST_FAILURES: u32 = 1000;
/// How long the end of a step is waited for when the driver is to end. A longer one goes on by itself: it can be taken
/// again, so that it is no harm if the process ends meanwhile.
const GRACE: Duration = Duration::from_secs(1);

/// A publisher whose work goes on.
pub trait Course: Send + Sync + Debug {
    /// Takes the next step of `entry`, at `now_ms` in Unix milliseconds. What it changes, also when it fails, is on disk
    /// before it is called again. After a crash the same step is taken again, which must be no harm: whatever makes it the
    /// same, an identifier, is in the entry before.
    ///
    /// # Errors
    /// Why it could not be taken now. It is tried again, later each time, and for some days.
    fn advance(&self, entry: &mut Entry, now_ms: u64) -> Result<Next, String>;
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another step, after this time.
    In(Duration),
    /// Nothing: it has come to its end, for better or worse.
    Ended,
}

/// Who takes which entries further. Entries of others wait.
#[derive(Clone, Debug, Default)]
pub struct Courses {
    /// Deals.
    pub filecoin: Option<Arc<dyn Course>>,
    /// Pins.
    pub estuary: Option<Arc<dyn Course>>,
}

/// The threads. Dropping it ends them after the step that they are at, or leaves them to it where that takes long.
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
    /// When there is no thread, or the lock cannot be made.
    pub fn start(ledger: Ledger, courses: Courses) -> Result<Self, HostFailure> {
        let mut driver = Self { ledger, ending: Arc::default(), threads: Vec::new() };
        let Courses { filecoin, estuary } = courses;
        for (publisher, course) in [(Matter::FILECOIN, filecoin), (Matter::ESTUARY, estuary)] {
            let Some(course) = course else { continue };
            let ledger = driver.ledger.clone();
            let path = ledger.lock_path(publisher);
            let lock = File::create(&path).map_err(|error| HostFailure::at("make", &path, error))?;
            let ending = Arc::clone(&driver.ending);
            let rounds = Rounds { ledger, publisher, course, lock, locked: false, ending, due: BTreeMap::new() };
            let (alive, ended) = mpsc::channel::<()>();
            let run = move || {
                rounds.run();
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
        self.ledger.bell.ring();
        let until = Instant::now() + GRACE;
        for (thread, ended) in self.threads.drain(..) {
            let rest = until.saturating_duration_since(Instant::now());
            if ended.recv_timeout(rest) == Err(RecvTimeoutError::Disconnected) {
                // It has said what went wrong.
                let _ = thread.join();
            }
        }
    }
}

/// What the thread of one publisher has.
struct Rounds {
    ledger: Ledger,
    publisher: &'static str,
    course: Arc<dyn Course>,
    lock: File,
    locked: bool,
    ending: Arc<AtomicBool>,
    /// When something is to be done for which entry, in Unix milliseconds. While the lock is ours, nobody else changes them.
    due: BTreeMap<String, u64>,
}

impl Rounds {
    fn run(mut self) {
        loop {
            let rings = self.ledger.bell.rings();
            if self.is_ending() {
                return;
            }
            match self.try_lock() {
                Ok(true) => self.round(),
                Ok(false) => {}
                Err(error) => {
                    let publisher = self.publisher;
                    tracing::error!("publications by {publisher} do not go on: the lock cannot be taken: {error}");
                    return;
                }
            }
            let soonest = self
                .due
                .values()
                .min()
                .map_or(LOOK, |due| Duration::from_millis(due.saturating_sub(now_ms())).min(LOOK));
            self.ledger.bell.wait(rings, soonest);
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

    /// Takes one step of every entry for which it is time.
    fn round(&mut self) {
        let names = match self.ledger.open_names(self.publisher) {
            Ok(names) => names,
            Err(error) => return tracing::error!("publications do not go on: {error}"),
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
                    tracing::error!(entry = name, "a publication does not go on: {error}");
                    self.due.insert(name, later(now_ms(), LONGEST_RETRY))
                }
            };
        }
    }

    /// Takes one step, if it is time by what is on disk, and puts it there. Says when the next is due, if there is one.
    fn step(&self, name: &str) -> Result<Option<u64>, HostFailure> {
        let Some(mut entry) = self.ledger.get(name)?.filter(|entry| !entry.ended) else { return Ok(None) };
        let now_ms = now_ms();
        if entry.next_ms > now_ms {
            return Ok(Some(entry.next_ms));
        }
        let before = entry.clone();
        let advanced = panic::catch_unwind(AssertUnwindSafe(|| self.course.advance(&mut entry, now_ms)));
        let next = match advanced {
            Ok(Ok(next)) => {
                entry.failures = 0;
                next
            }
            Ok(Err(why)) => failed(&mut entry, &why, now_ms),
            Err(_) => {
                // What it has left in the entry is anything.
                entry = before;
                failed(&mut entry, "a mistake of bacalhau's own, of which its log says more", now_ms)
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

/// Notes that a step did not work, and says when it is tried again, if ever.
fn failed(entry: &mut Entry, why: &str, now_ms: u64) -> Next {
    entry.failures = entry.failures.saturating_add(1);
    if entry.failures >= MOST_FAILURES {
        entry.fail(now_ms, format!("given up after {MOST_FAILURES} tries in a row: {why}"));
        return Next::Ended;
    }
    tracing::warn!(entry = entry.name(), "a publication does not go on, and is tried again: {why}");
    entry.wait(now_ms, why);
    Next::In(RETRY.saturating_mul(1 << (entry.failures - 1).min(20)).min(LONGEST_RETRY))
}

fn later(now_ms: u64, wait: Duration) -> u64 {
    now_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))
}

/// The time, in Unix milliseconds.
pub(in crate::publisher) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
