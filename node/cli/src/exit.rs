//! The exit codes of all commands, and the error that carries one. Scripts rely on them: a code never changes its
//! meaning.

use std::fmt::Write as _;
use std::process::ExitCode;

use bacalhau_runtime::{Error, HostFailure, RefusalKind};

use bacalhau_job::DealError;
use bacalhau_storage::SourceError;

/// Exit code of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// Success.
    Success = 0,
    /// An internal error: a bug in bacalhau.
    Internal = 1,
    /// Usage error.
    Usage = 2,
    /// The module or job was rejected by validation.
    Refused = 3,
    /// This machine failed.
    Host = 4,
    /// No verified result: the runs did not agree, too few nodes bid, or the job was cancelled.
    NoVerdict = 5,
    /// The receipt's job has another result, or its signature is wrong or missing.
    Different = 6,
    /// The result is valid but was not published.
    Unpublished = 7,
    /// The program ended with an error.
    Program = 10,
    /// A signal ended the command.
    Interrupted = 130,
}

impl Exit {
    /// All codes.
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

    /// The meaning in the help text.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Internal => "internal error (a bug in bacalhau)",
            Self::Usage => "usage error, or a file or object that does not exist",
            Self::Refused => "the module or the job was rejected by validation: it would fail on every node",
            Self::Host => "this machine failed (disk, network, --timeout): there is no result",
            Self::NoVerdict => {
                "no verified result: the runs did not agree, too few nodes bid, or the job was cancelled"
            }
            Self::Different => "verify found a difference, or a forged or missing signature",
            Self::Unpublished => {
                "the result is valid, but a service or storage provider did not accept it for \
                publication"
            }
            Self::Program => "the program ended with a code other than 0, a trap or a limit; the result is valid",
            Self::Interrupted => "interrupted; temporary files were removed",
        }
    }

    /// The exit codes for the help text.
    pub(super) fn help() -> String {
        let mut text = String::from("Exit codes:\n");
        for exit in Self::ALL {
            // Writing to a string cannot fail.
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

/// Begins the message where this host failed at a run.
const HOST_ERROR: &str = "host error: ";

/// Why a command failed: a message for people and an exit code for scripts.
#[derive(Debug, thiserror::Error)]
#[error("{}{message}", if *of_run { HOST_ERROR } else { "" })]
pub(super) struct Failure {
    /// The exit code.
    pub(super) exit: Exit,
    /// What failed, on what, and what to do.
    pub(super) message: String,
    /// Whether this host failed at a run.
    of_run: bool,
}

impl Failure {
    /// A failure with its exit code.
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), of_run: false }
    }

    /// A usage error.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Removes the note about results, for commands that run no job.
    pub(super) fn without_result(mut self) -> Self {
        self.of_run = false;
        self
    }

    /// A rejected job.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // A missing file named on the command line is a usage error.
            Error::Refused(refusal) if refusal.kind() == RefusalKind::Absent => Self::usage(refusal.to_string()),
            Error::Refused(refusal) => Self::refused(refusal.to_string()),
            Error::Host(failure) => Self { of_run: true, ..Self::new(Exit::Host, failure.to_string()) },
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
