//! The outside's hold on a run: to end it before its time, to bound what it takes of the host's disk, and to read what it has
//! said so far. None of it can be seen in a result: a run that was ended has none.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::watchdog::Handle;

/// Bytes of each standard stream that can be read while the run goes on. The rest is in the results.
const MOST_LIVE_BYTES: usize = 1 << 20;

/// A hold on one run, for any thread; clones are the same hold. One that is handed to a second run controls that.
#[derive(Clone, Default)]
pub struct Control(Arc<Inner>);

struct Inner {
    cancelled: AtomicBool,
    disk_bytes: AtomicU64,
    /// Known while the program runs.
    watch: Mutex<Option<Handle>>,
    stdout: Mutex<Vec<u8>>,
    stderr: Mutex<Vec<u8>>,
}

impl Control {
    /// Ends the run: at its next loop or call, or before it begins. It comes to no result then, unless it just had.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::SeqCst);
        if let Some(watch) = &*lock(&self.0.watch) {
            watch.fire();
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

    /// The run is about to begin.
    pub(crate) fn watch(&self, handle: Handle) {
        let mut watch = lock(&self.0.watch);
        if self.is_cancelled() {
            handle.fire();
        }
        *watch = Some(handle);
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
            watch: Mutex::default(),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::{Deadline, Error, Job, Options, Runtime};

    /// Writes `hello`, then does what `rest` says.
    fn module(rest: &str) -> String {
        format!(
            r#"(module
                (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (data (i32.const 0) "\10\00\00\00\05\00\00\00")
                (data (i32.const 16) "hello")
                (func (export "_start")
                    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
                    {rest}))"#
        )
    }

    fn run(rest: &str, control: &Control) -> Result<(), Error> {
        let runtime = Runtime::new(&Options::default()).unwrap();
        let module = runtime.load(module(rest).as_bytes()).unwrap();
        let mut job = Job::new(module.cid());
        job.limits.fuel = u64::from(u32::MAX) << 16;
        let dir = tempfile::tempdir().unwrap();
        let deadline = Deadline::under(control, Duration::from_mins(1));
        runtime.execute_under(&deadline, &module, &job, &BTreeMap::new(), dir.path()).map(drop)
    }

    #[test]
    fn an_endless_run_is_ended_from_outside_after_its_words_were_read() {
        let control = Control::default();
        let ended = std::thread::scope(|scope| {
            let run = scope.spawn(|| run("(loop (br 0))", &control));
            // The time-out of the run bounds this.
            while control.log(true, 0, 9).is_empty() && !run.is_finished() {
                std::thread::yield_now();
            }
            assert_eq!(control.log(true, 0, 9), b"hello");
            assert_eq!(control.log(true, 1, 3), b"ell");
            assert_eq!(control.log(true, 9, 3), b"");
            assert_eq!(control.log(false, 0, 9), b"");
            control.cancel();
            run.join().unwrap()
        });
        let error = ended.unwrap_err();
        assert!(matches!(&error, Error::Host(failure) if !failure.is_timeout()), "{error}");
        assert!(error.to_string().contains("was ended"), "{error}");
    }

    #[test]
    fn a_run_that_needs_more_disk_than_the_host_gives_is_a_failure_of_the_host() {
        let control = Control::default();
        control.limit_disk(5);
        run("", &control).unwrap();
        let control = Control::default();
        control.limit_disk(4);
        let error = run("", &control).unwrap_err();
        assert!(matches!(&error, Error::Host(_)), "{error}");
        assert!(error.to_string().contains("more than the 4 bytes of disk"), "{error}");
    }

    #[test]
    fn a_run_that_is_cancelled_before_it_begins_does_not_begin() {
        let control = Control::default();
        control.cancel();
        assert!(run("", &control).is_err());
        assert_eq!(control.log(true, 0, 9), b"");
    }
}
