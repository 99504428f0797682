//! The outside's hold on a run: to end it before its time, to bound what it takes of the host's disk, and to read what it has
//! said so far. None of it can be seen in a result: a run that was ended has none.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of each standard stream that can be read while the run goes on. The rest is in the results.
const MOST_LIVE_BYTES: usize = 1 << 20;

/// Ends a program.
type Stop = dyn Fn() + Send + Sync;

/// A hold on one run, for any thread; clones are the same hold. One that is handed to a second run controls that.
#[derive(Clone, Default)]
pub struct Control(Arc<Inner>);

struct Inner {
    cancelled: AtomicBool,
    disk_bytes: AtomicU64,
    /// Ends the program that runs. Known while it does.
    stop: Mutex<Option<Arc<Stop>>>,
    stdout: Mutex<Vec<u8>>,
    stderr: Mutex<Vec<u8>>,
}

impl Control {
    /// Ends the run: at its next loop or call, or before it begins. It comes to no result then, unless it just had.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        let stop = lock(&self.0.stop).clone();
        if let Some(stop) = stop {
            stop();
        }
    }

    /// Bounds the bytes of all files that the run writes: outputs, temporary files and standard streams together. Unlike the
    /// limits of the job this is the host's own: a run that needs more is a failure of this host. Counts from the next write
    /// on. Default: no bound.
    pub fn limit_disk(&self, bytes: u64) {
        self.0.disk_bytes.store(bytes, Ordering::SeqCst);
    }

    /// The bound set by [`limit_disk`](Self::limit_disk), or `u64::MAX`.
    pub fn disk_bytes(&self) -> u64 {
        self.0.disk_bytes.load(Ordering::SeqCst)
    }

    /// Whether somebody wanted the run to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// What the program has written to a standard stream so far, from `offset` on: `most` bytes at most, and nothing
    /// after the first MiB of the stream.
    pub fn log(&self, stderr: bool, offset: u64, most: usize) -> Vec<u8> {
        let log = lock(self.stream(stderr));
        let from = usize::try_from(offset).map_or(log.len(), |offset| offset.min(log.len()));
        log[from..].iter().take(most).copied().collect()
    }

    /// The program is about to begin, and `stop` ends it: called on [`cancel`](Self::cancel), at once if that came before. For
    /// sandboxes.
    pub fn on_cancel(&self, stop: impl Fn() + Send + Sync + 'static) {
        let stop: Arc<Stop> = Arc::new(stop);
        *lock(&self.0.stop) = Some(Arc::clone(&stop));
        if self.is_cancelled() {
            stop();
        }
    }

    /// The program has written. For whoever runs programs that are none of the sandbox's; the sandbox says it itself.
    pub fn wrote(&self, stderr: bool, data: &[u8]) {
        let mut log = lock(self.stream(stderr));
        let fits = data.len().min(MOST_LIVE_BYTES.saturating_sub(log.len()));
        log.extend_from_slice(&data[..fits]);
    }

    fn stream(&self, stderr: bool) -> &Mutex<Vec<u8>> {
        if stderr { &self.0.stderr } else { &self.0.stdout }
    }
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            cancelled: AtomicBool::new(false),
            disk_bytes: AtomicU64::new(u64::MAX),
            stop: Mutex::default(),
            stdout: Mutex::default(),
            stderr: Mutex::default(),
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// Nothing is half done when a thread panics here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
