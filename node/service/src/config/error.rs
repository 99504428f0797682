//! Errors of a configuration, with file, line and the expected value.

use std::io;
use std::path::PathBuf;

use super::layers::Origin;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read the configuration {path}: {why}")]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The error of the system.
        why: io::Error,
    },
    /// A file is not valid TOML.
    #[error("{path}:{line}: invalid TOML: {why}")]
    Syntax {
        /// Path of the file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// The message of the parser.
        why: String,
    },
    /// A file has an unknown key or section.
    #[error("{path}:{line}: unknown {what} {name}{hint}; `bacalhau config default` lists all keys")]
    Unknown {
        /// Path of the file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// `section` or `key`.
        what: &'static str,
        /// The unknown name.
        name: String,
        /// ` (did you mean …?)` when a known name is similar, otherwise empty.
        hint: String,
    },
    /// A value is invalid for its key.
    #[error("{origin}: {key}: {why}")]
    Value {
        /// Source of the value.
        origin: Origin,
        /// `SECTION.NAME`.
        key: String,
        /// The reason and the expected form.
        why: String,
    },
    /// Values contradict each other.
    #[error("inconsistent configuration: {0}")]
    Together(String),
}
