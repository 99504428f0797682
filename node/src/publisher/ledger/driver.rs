//! Takes the entries of a ledger further, one step at a time, each on disk before the next. One process of a data directory
//! does; others wait until it ends.

use std::fmt::Debug;
use std::fs::{File, TryLockError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bacalhau_runtime::HostFailure;

use super::{Entry, Ledger, Matter};

/// How often it is looked for entries of other processes.
const LOOK: Duration = Duration::from_millis(250);
/// The wait after the first failure in a row; it doubles with each further one.
const RETRY: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_RETRY: Duration = Duration::from_mins(10);

/// A publisher whose work goes on.
pub trait Course: Send + Sync + Debug {
    /// Takes the next step of `entry`, at `now_ms` in Unix milliseconds. What it changes is on disk before it is called
    /// again. After a crash the same step is taken again, which must be no harm: whatever makes it the same, an identifier,
    /// is in the entry before.
    ///
    /// # Errors
    /// Why it could not be taken now. It is tried again, later each time.
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

impl Courses {
    fn of(&self, matter: &Matter) -> Option<&dyn Course> {
        match matter {
            Matter::Filecoin(_) => self.filecoin.as_deref(),
            Matter::Estuary(_) => self.estuary.as_deref(),
        }
    }

    /// Takes one step, if it is time, and puts it on disk. Answers with what the entry is then, if a step was taken.
    pub(super) fn drive(&self, ledger: &Ledger, mut entry: Entry, now_ms: u64) -> Result<Option<Entry>, HostFailure> {
        let Some(course) = self.of(&entry.matter).filter(|_| !entry.ended && entry.next_ms <= now_ms) else {
            return Ok(None);
        };
        let wait = match course.advance(&mut entry, now_ms) {
            Ok(Next::Ended) => {
                entry.ended = true;
                Duration::ZERO
            }
            Ok(Next::In(wait)) => {
                entry.failures = 0;
                wait
            }
            Err(why) => {
                tracing::warn!(entry = entry.name(), "a publication does not go on, and is tried again: {why}");
                entry.step(now_ms, "waiting", why);
                entry.failures = entry.failures.saturating_add(1);
                RETRY.saturating_mul(1 << entry.failures.min(20).saturating_sub(1)).min(LONGEST_RETRY)
            }
        };
        entry.next_ms = now_ms.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        ledger.put(&entry)?;
        Ok(Some(entry))
    }
}

/// The thread. Dropping it ends it after the step that it is at.
#[derive(Debug)]
pub struct Driver {
    stop: Option<mpsc::Sender<()>>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    /// Drives the entries of `ledger`.
    ///
    /// # Errors
    /// When there is no thread, or the lock cannot be made.
    pub fn start(ledger: Ledger, courses: Courses) -> Result<Self, HostFailure> {
        let path = ledger.lock_path();
        let lock = File::create(&path).map_err(|error| HostFailure::at("make", &path, error))?;
        let (stop, stopped) = mpsc::channel::<()>();
        let ending = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&ending);
        let run = move || {
            let mut locked = false;
            while matches!(stopped.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
                if !locked {
                    match lock.try_lock() {
                        Ok(()) => locked = true,
                        Err(TryLockError::WouldBlock) => continue,
                        Err(TryLockError::Error(error)) => {
                            tracing::error!("publications do not go on: the lock cannot be taken: {error}");
                            return;
                        }
                    }
                }
                round(&ledger, &courses, &ends);
            }
        };
        let thread = thread::Builder::new().name("publications".into()).spawn(run);
        let thread = thread.map_err(|error| HostFailure::io("start a thread", error))?;
        Ok(Self { stop: Some(stop), ending, thread: Some(thread) })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It has logged what went wrong.
            let _ = thread.join();
        }
    }
}

/// Takes every entry as far as it goes now.
fn round(ledger: &Ledger, courses: &Courses, ending: &AtomicBool) {
    let entries = match ledger.open_entries() {
        Ok(entries) => entries,
        Err(error) => return tracing::error!("publications do not go on: {error}"),
    };
    for entry in entries {
        let name = entry.name();
        let mut next = Some(entry);
        while let Some(entry) = next.take().filter(|_| !ending.load(Ordering::Relaxed)) {
            match courses.drive(ledger, entry, now_ms()) {
                Ok(taken) => next = taken,
                Err(error) => tracing::error!(entry = name, "a publication does not go on: {error}"),
            }
        }
    }
}

/// The time, in Unix milliseconds.
pub(in crate::publisher) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
