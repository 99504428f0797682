//! The end of a run by wall clock or cancellation. Every host loop over data checks it. Work that may block in the
//! kernel is awaited only until then: its thread owns its data, and is left behind.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::control::Control;
use crate::failure::HostFailure;

/// How often a waiting thread looks whether the run was cancelled.
const BEAT: Duration = Duration::from_millis(20);
/// How long work may take to notice the end before its thread is left behind.
const GRACE: Duration = Duration::from_secs(1);

/// Deadline of a run. Clones share it.
#[derive(Clone, Debug)]
pub struct Deadline {
    timeout: Duration,
    /// `None` where the clock cannot count that far.
    at: Option<Instant>,
    control: Option<Control>,
    /// Set when the result of the work that this was handed to is not waited for any more.
    dropped: Arc<AtomicBool>,
}

impl Deadline {
    /// A deadline `timeout` from now.
    pub fn new(timeout: Duration) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "deadlines use the wall clock; a run that they end has no result"
        )]
        let at = Instant::now().checked_add(timeout);
        Self { timeout, at, control: None, dropped: Arc::default() }
    }

    /// A deadline for a run that `control` can cancel.
    pub fn under(control: &Control, timeout: Duration) -> Self {
        Self { control: Some(control.clone()), ..Self::new(timeout) }
    }

    /// No deadline, for work that is not cancelled.
    pub fn never() -> Self {
        Self { timeout: Duration::MAX, at: None, control: None, dropped: Arc::default() }
    }

    /// The control that can cancel the run.
    pub fn control(&self) -> Option<&Control> {
        self.control.as_ref()
    }

    /// Time until the deadline; zero when it has passed.
    pub fn left(&self) -> Duration {
        #[expect(clippy::disallowed_methods, reason = "as in `new`")]
        self.at.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()))
    }

    /// Counts `bytes` that were hashed for the run, in [`Progress::bytes_hashed`](crate::Progress::bytes_hashed). For
    /// [`Tree::identity`](crate::Tree::identity).
    pub fn hashed(&self, bytes: usize) {
        if let Some(control) = &self.control {
            control.meters().bytes_hashed.add(bytes as u64);
        }
    }

    /// Whether work for the run may go on.
    ///
    /// # Errors
    /// When the run was cancelled, or took too long: a failure of the host.
    pub fn check(&self) -> Result<(), HostFailure> {
        if self.dropped.load(Ordering::Acquire) || self.control.as_ref().is_some_and(Control::is_cancelled) {
            return Err(HostFailure::cancelled());
        }
        if self.left().is_zero() {
            return Err(HostFailure::timed_out(self.timeout.as_secs_f64()));
        }
        Ok(())
    }

    /// [`check`](Self::check), for loops that answer errors of input and output.
    ///
    /// # Errors
    /// As for `check`.
    pub fn check_io(&self) -> io::Result<()> {
        Ok(self.check()?)
    }

    /// Starts `work` on its own thread, which owns its data and continues alone after [`Pending::wait`] has timed out.
    /// `what` completes "cannot …".
    ///
    /// # Errors
    /// When the run is over, or no thread can be started.
    pub fn begin<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<Pending<T>, HostFailure> {
        self.check()?;
        let (answer, answers) = mpsc::sync_channel(1);
        let deadline = Self { dropped: Arc::default(), ..self.clone() };
        let pending = Pending { what, answers, deadline: deadline.clone(), waiter: self.clone() };
        let work = move || {
            // After a timeout there is no receiver.
            let _ = answer.send(work(&deadline));
        };
        thread::Builder::new().name("run".into()).spawn(work).map_err(|error| HostFailure::io(what, error))?;
        Ok(pending)
    }
}

/// Work in progress. Dropping it tells the work to end.
#[derive(Debug)]
pub struct Pending<T> {
    what: &'static str,
    answers: Receiver<T>,
    /// Deadline of the work.
    deadline: Deadline,
    waiter: Deadline,
}

impl<T> Pending<T> {
    /// Waits for the result of the work, until the deadline and a moment more.
    ///
    /// # Errors
    /// When the work has not ended by then, or has panicked.
    pub fn wait(self) -> Result<T, HostFailure> {
        loop {
            match self.answers.recv_timeout(BEAT) {
                Ok(value) => return Ok(value),
                Err(RecvTimeoutError::Disconnected) => return Err(self.panicked()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Err(failure) = self.waiter.check() {
                return self.answers.recv_timeout(GRACE).map_err(|_| failure);
            }
        }
    }

    fn panicked(&self) -> HostFailure {
        HostFailure::new(format!("cannot {}: it panicked, which is an internal error", self.what))
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        self.deadline.dropped.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_blocks_is_left_behind_and_told_so() {
        let deadline = Deadline::new(Duration::from_millis(20));
        let (told, tells) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let pending = deadline.begin("wait", move |own: &Deadline| {
            gate.recv().unwrap();
            told.send(own.check().unwrap_err()).unwrap();
        });
        assert!(pending.unwrap().wait().unwrap_err().is_timeout());
        go.send(()).unwrap();
        assert!(!tells.recv().unwrap().is_timeout(), "nobody waits for it any more");
        assert!(deadline.begin("wait", |_: &Deadline| ()).is_err(), "nothing begins after the deadline");
    }

    #[test]
    fn a_result_in_time_is_handed_on_and_cancelling_ends_the_wait() {
        assert_eq!(Deadline::never().begin("add", |_| 1 + 1).unwrap().wait().unwrap(), 2);
        let control = Control::default();
        let deadline = Deadline::under(&control, Duration::from_mins(5));
        let (go, gate) = mpsc::channel::<()>();
        let pending = deadline.begin("wait", move |_| gate.recv()).unwrap();
        control.cancel();
        assert!(!pending.wait().unwrap_err().is_timeout());
        drop(go);
    }

    #[test]
    fn a_panic_is_a_failure_of_the_host() {
        let pending = Deadline::never().begin("panic", |_| panic!("on purpose"));
        let pending: Pending<()> = pending.unwrap();
        assert!(pending.wait().unwrap_err().to_string().contains("cannot panic: it panicked"));
    }
}
