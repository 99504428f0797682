//! The identity of a tree that several runs share: one of them computes it, the others wait.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::deadline::Deadline;

/// How often a run that waits for the hash of another looks whether it is over.
const BEAT: Duration = Duration::from_millis(20);

/// The identity of one tree. Never locked while something is read.
#[derive(Debug, Default)]
pub struct OnceIdentity {
    state: Mutex<State>,
    hashed: Condvar,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unknown,
    /// A thread is hashing.
    Underway,
    Known(String),
}

impl OnceIdentity {
    /// The identity, computed by `compute` if it is not known. After an error or a panic of `compute`, the next caller
    /// tries.
    ///
    /// # Errors
    /// Those of `compute`, and the end of the run that waits.
    pub fn get(&self, deadline: &Deadline, compute: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
        if let Some(known) = self.known(deadline)? {
            return Ok(known);
        }
        let turn = Turn(self);
        let identity = compute()?;
        *turn.0.state() = State::Known(identity.clone());
        Ok(identity)
    }

    /// The identity, if another thread has computed it; else it is this thread's to compute.
    fn known(&self, deadline: &Deadline) -> io::Result<Option<String>> {
        let mut state = self.state();
        loop {
            match &*state {
                State::Known(known) => return Ok(Some(known.clone())),
                State::Unknown => {
                    *state = State::Underway;
                    return Ok(None);
                }
                State::Underway => {}
            }
            deadline.check_io()?;
            state = self.hashed.wait_timeout(state, BEAT).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread's turn to compute. When it ends without an identity, another may try.
struct Turn<'a>(&'a OnceIdentity);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if matches!(*state, State::Underway) {
            *state = State::Unknown;
        }
        drop(state);
        self.0.hashed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_computes_and_a_failure_is_tried_again() {
        let once = OnceIdentity::default();
        let failed = once.get(&Deadline::never(), || Err(io::ErrorKind::TimedOut.into()));
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let computed = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let identity = once.get(&Deadline::never(), || {
                        computed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        Ok("h1:x".into())
                    });
                    assert_eq!(identity.unwrap(), "h1:x");
                });
            }
        });
        assert_eq!(computed.into_inner(), 1);
    }
}
