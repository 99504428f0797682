//! What is wrong with a configuration, where, and what to write instead.

use std::io;
use std::path::PathBuf;

use super::layers::Origin;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read the configuration {path}: {why}")]
    Read {
        /// Which.
        path: PathBuf,
        /// The system's words.
        why: io::Error,
    },
    /// A file is no TOML.
    #[error("{path}:{line}: this is no TOML: {why}")]
    Syntax {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The parser's words.
        why: String,
    },
    /// A file has a key or section that there is not.
    #[error("{path}:{line}: there is no {what} {name}{hint}; `bacalhau config default` shows all that there is")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// `section` or `key`.
        what: &'static str,
        /// Its name.
        name: String,
        /// ` (did you mean …?)`, where something is near.
        hint: String,
    },
    /// A value does not fit its key.
    #[error("{origin}: {key}: {why}")]
    Value {
        /// Who says so.
        origin: Origin,
        /// `SECTION.NAME`.
        key: String,
        /// What is wrong, and what to write instead.
        why: String,
    },
    /// Several values make no sense together.
    #[error("the configuration makes no sense: {0}")]
    Together(String),
}
