//! A failure of the host: this machine could not do its part of a run.

use std::io;
use std::path::Path;

use crate::tree::InputError;

/// This machine could not do its part: a disk is full, an input went away, the watchdog fired.
///
/// It carries no result on purpose. Whoever collects votes must count it as an absent one.
#[derive(Debug, thiserror::Error)]
#[error("{}{what}", Self::PREFIX)]
pub struct HostFailure {
    what: String,
    #[source]
    source: Option<io::Error>,
    timed_out: bool,
}

impl From<HostFailure> for io::Error {
    fn from(failure: HostFailure) -> Self {
        Self::other(failure)
    }
}

impl HostFailure {
    /// How the text of every failure begins.
    pub const PREFIX: &str = "the host failed, so there is no result: ";

    /// A failure in words: what happened, where, and what may help.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), source: None, timed_out: false }
    }

    /// A failed operation of the host's file system or network. `what` completes "cannot …".
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        let what = format!("cannot {}: {source}", what.into());
        Self { what, source: Some(source), timed_out: false }
    }

    /// The same, about one path.
    pub fn at(verb: &str, path: &Path, source: io::Error) -> Self {
        Self::io(format!("{verb} {}", path.display()), source)
    }

    /// A failed operation whose error says all there is to say.
    pub fn of(source: io::Error) -> Self {
        Self { what: source.to_string(), source: Some(source), timed_out: false }
    }

    /// The text without [`PREFIX`](Self::PREFIX).
    pub fn text(&self) -> &str {
        &self.what
    }

    /// What is wrong with the input, where that is why, and this machine did its part.
    pub fn of_input(&self) -> Option<&InputError> {
        InputError::in_error(self.source.as_ref()?)
    }

    /// A run took longer than the host allows, and was ended.
    pub fn timed_out(seconds: f64) -> Self {
        let what = format!("the run took longer than {seconds} s of wall-clock time; allow more with --timeout");
        Self { what, source: None, timed_out: true }
    }

    /// Somebody has ended the run.
    pub fn cancelled() -> Self {
        Self::new("the run was ended before its time, since nobody needs it any more")
    }

    /// Whether the host's watchdog ended the run.
    pub fn is_timeout(&self) -> bool {
        self.timed_out
    }
}
