//! A failure of the host: this machine could not do its part of a run.

use std::io;
use std::path::Path;

use crate::tree::InputError;

/// A failure of this machine: for example a full disk, a vanished input, or a timeout.
///
/// It has no result, and does not count as a vote.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct HostFailure {
    what: String,
    #[source]
    source: Option<io::Error>,
    ended: Option<End>,
}

/// Why the host ended a run that had not failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    TimedOut,
    Cancelled,
}

impl From<HostFailure> for io::Error {
    fn from(failure: HostFailure) -> Self {
        Self::other(failure)
    }
}

impl HostFailure {
    /// A failure with its text: what failed, on what, what to do.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), source: None, ended: None }
    }

    /// A failed operation of the host's file system or network. `what` completes "cannot …".
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        let what = format!("cannot {}: {source}", what.into());
        Self { what, ended: ended(&source), source: Some(source) }
    }

    /// A failed operation on a path.
    pub fn at(verb: &str, path: &Path, source: io::Error) -> Self {
        Self::io(format!("{verb} {}", path.display()), source)
    }

    /// A failed operation whose error is complete.
    pub fn of(source: io::Error) -> Self {
        Self { what: source.to_string(), ended: ended(&source), source: Some(source) }
    }

    /// The invalid input that caused it, if this machine did not fail.
    pub fn of_input(&self) -> Option<&InputError> {
        InputError::in_error(self.source.as_ref()?)
    }

    /// A run took longer than the host allows, and was ended.
    pub fn timed_out(seconds: f64) -> Self {
        let what = format!("the run took longer than {seconds} s of wall-clock time; allow more with --timeout");
        Self { what, source: None, ended: Some(End::TimedOut) }
    }

    /// The run was cancelled.
    pub fn cancelled() -> Self {
        let what = "the run was cancelled because its result is not needed any more".into();
        Self { what, source: None, ended: Some(End::Cancelled) }
    }

    /// Whether the run took longer than its timeout.
    pub fn is_timeout(&self) -> bool {
        self.ended == Some(End::TimedOut)
    }

    /// Whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.ended == Some(End::Cancelled)
    }
}

/// A deadline that ended an operation of a tree, as [`Deadline::check_io`](crate::Deadline::check_io) answers it.
fn ended(source: &io::Error) -> Option<End> {
    source.get_ref()?.downcast_ref::<HostFailure>()?.ended
}
