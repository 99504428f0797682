//! The exit codes of every command, and the error that carries one. They are part of the interface: scripts rely on
//! them, so a code never changes its meaning.

use std::fmt::Write as _;
use std::process::ExitCode;

use bacalhau_runtime::{Error, HostFailure, RefusalKind};

use crate::job::DealError;
use crate::storage::SourceError;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// All is well.
    Success = 0,
    /// An internal error: a bug in bacalhau.
    Internal = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// No machine would run this module or job.
    Refused = 3,
    /// This machine could not do its part.
    Host = 4,
    /// The runs did not agree, too few nodes offered to run the job, or it was cancelled.
    NoVerdict = 5,
    /// The receipt's job came out differently, or the receipt is not signed as it should be.
    Different = 6,
    /// The result stands, and could not be published.
    Unpublished = 7,
    /// The program itself did not succeed.
    Program = 10,
    /// A signal ended the command.
    Interrupted = 130,
}

impl Exit {
    /// All of them.
    pub(super) const ALL: [Self; 10] = [
        Self::Success,
        Self::Internal,
        Self::Usage,
        Self::Refused,
        Self::Host,
        Self::NoVerdict,
        Self::Different,
        Self::Unpublished,
        Self::Program,
        Self::Interrupted,
    ];

    /// What it tells a script.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Internal => "internal error (a bug in bacalhau)",
            Self::Usage => "usage error, or something that is named is not there",
            Self::Refused => "the module or the job cannot be run, on any machine",
            Self::Host => "this machine failed (disk, network, --timeout): there is no result",
            Self::NoVerdict => {
                "the runs did not agree, too few nodes offered to run the job, or it was cancelled: there is no verified result"
            }
            Self::Different => "verify found a difference, or a signature that is forged or missing",
            Self::Unpublished => "the result stands, but a service or a provider did not take it for publication",
            Self::Program => "the program ended with a code other than 0, a trap or a limit; its result stands",
            Self::Interrupted => "interrupted, nothing half-done was left behind",
        }
    }

    /// The list for the help text.
    pub(super) fn help() -> String {
        let mut text = String::from("Exit codes:\n");
        for exit in Self::ALL {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {:>3}  {}", exit as u8, exit.meaning());
        }
        text
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do what it was asked to: a message for people and a code for scripts.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failure {
    /// The code.
    pub(super) exit: Exit,
    /// What, where, and what to do.
    pub(super) message: String,
}

impl Failure {
    /// A command line that makes no sense.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// The same, of a command that runs no job: then there is no talk of results.
    pub(super) fn without_result(mut self) -> Self {
        if let Some(rest) = self.message.strip_prefix(HostFailure::PREFIX) {
            self.message = rest.into();
        }
        self
    }

    /// A job that is not what it should be.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, message: message.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // Who names something on a command line names what is there.
            Error::Refused(refusal) if refusal.kind() == RefusalKind::Absent => Self::usage(refusal.to_string()),
            Error::Refused(refusal) => Self::refused(refusal.to_string()),
            Error::Host(failure) => Self { exit: Exit::Host, message: failure.to_string() },
        }
    }
}

impl From<HostFailure> for Failure {
    fn from(failure: HostFailure) -> Self {
        Error::from(failure).into()
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<DealError> for Failure {
    fn from(error: DealError) -> Self {
        Self::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_the_help() {
        let help = Exit::help();
        for (index, exit) in Exit::ALL.into_iter().enumerate() {
            assert!(help.contains(&format!("{:>3}  {}", exit as u8, exit.meaning())));
            assert!(Exit::ALL[..index].iter().all(|other| *other as u8 != exit as u8));
        }
    }
}
