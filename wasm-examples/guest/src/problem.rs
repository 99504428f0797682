//! Why a guest gave up. Every message says what, where, and what to do about it.
//!
//! It does not carry a source chain: the reader is a user with a job, not a debugger.

use std::{fmt, io, path::Path};

/// The result of everything in an example that may fail.
pub type Result<T> = std::result::Result<T, Problem>;

/// Why a guest gave up; decides the exit code.
#[derive(Debug, PartialEq, Eq)]
pub enum Problem {
    /// The arguments are wrong: exit code 2, the usage line follows the message.
    Usage(String),
    /// An input is missing or unreadable as what it should be: exit code 2.
    Input(String),
    /// The guest could not write what it made: exit code 1.
    Output(String),
}

impl Problem {
    /// An input file that could not be opened or read.
    pub fn reading(path: &Path, error: &io::Error) -> Self {
        Self::Input(format!("cannot read {}: {error}; check the input mounted there", path.display()))
    }

    /// An output that could not be written.
    pub fn writing(path: &Path, error: &io::Error) -> Self {
        Self::Output(format!("cannot write {}: {error}; the job may need a higher output limit", path.display()))
    }

    /// The exit code of the process.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Input(_) => 2,
            Self::Output(_) => 1,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(message) | Self::Input(message) | Self::Output(message)) = self;
        f.write_str(message)
    }
}

impl std::error::Error for Problem {}

impl From<lexopt::Error> for Problem {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Only standard output is written through bare `io` results; files name themselves with [`Problem::writing`].
impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Output(format!("cannot write to standard output: {error}; the job may need a higher log limit"))
    }
}
