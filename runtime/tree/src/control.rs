//! External control of a run: cancel it, bound its disk use, and read its progress and output so far. It does not affect results: a
//! cancelled run has none.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::progress::{Meters, Progress};

/// Maximum live bytes of each standard stream. The rest is in the results.
const MOST_LIVE_BYTES: usize = 1 << 20;

/// Stops a program.
type Stop = dyn Fn() + Send + Sync;

/// Controls one run from any thread; clones share it. If passed to a second run, it controls that one.
#[derive(Clone, Default)]
pub struct Control(Arc<Inner>);

struct Inner {
    cancelled: AtomicBool,
    disk_bytes: AtomicU64,
    /// Stops the running program, if there is one.
    stop: Mutex<Option<Arc<Stop>>>,
    stdout: Mutex<Vec<u8>>,
    stderr: Mutex<Vec<u8>>,
    meters: Meters,
}

impl Control {
    /// Cancels the run at its next loop or call, or before it starts. It has no result then, unless it has just
    /// completed.
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

    /// Whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// How far the run is. Takes no lock.
    pub fn progress(&self) -> Progress {
        self.0.meters.read()
    }

    /// The counters of the run. For executors and trees, which count what they do.
    pub fn meters(&self) -> &Meters {
        &self.0.meters
    }

    /// At most `most` bytes of a standard stream from `offset` on, within its first MiB.
    pub fn log(&self, stderr: bool, offset: u64, most: usize) -> Vec<u8> {
        let log = lock(self.stream(stderr));
        let from = usize::try_from(offset).map_or(log.len(), |offset| offset.min(log.len()));
        log[from..].iter().take(most).copied().collect()
    }

    /// Registers `stop` for a program that is about to start: called on [`cancel`](Self::cancel), or at once if that
    /// came before. For executors.
    pub fn on_cancel(&self, stop: impl Fn() + Send + Sync + 'static) {
        let stop: Arc<Stop> = Arc::new(stop);
        *lock(&self.0.stop) = Some(Arc::clone(&stop));
        if self.is_cancelled() {
            stop();
        }
    }

    /// Records output of the program. For executors other than the sandbox, which does this itself.
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
            meters: Meters::default(),
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("cancelled", &self.is_cancelled()).finish_non_exhaustive()
    }
}

/// A panic cannot leave the state inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
