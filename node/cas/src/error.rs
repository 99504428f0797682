//! Errors of content-addressed data. Messages name the problem and the object.

use std::io;

use bacalhau_tree::InputError;

use super::Cid;

/// Why data is unavailable or invalid.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// No source has the block.
    #[error("block {cid} is missing: {why}")]
    Missing {
        /// CID of the block.
        cid: Box<Cid>,
        /// The sources and their errors.
        why: String,
    },
    /// Bytes that do not have the hash that their CID names.
    #[error("block {cid} is corrupt: {why}")]
    Corrupt {
        /// The requested CID.
        cid: Box<Cid>,
        /// The received data.
        why: String,
    },
    /// A codec, hash function, version or feature that this version does not read.
    #[error("{what} is not supported: {why}")]
    Unsupported {
        /// The thing, by name.
        what: String,
        /// The supported alternatives.
        why: String,
    },
    /// A malformed archive, index or message.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// The thing, by name.
        what: String,
        /// The problem and its position.
        why: String,
    },
    /// A block with the correct hash and malformed content, which is reported to its author, not its source.
    #[error("{what} is malformed: {why}")]
    Unusable {
        /// The block, by its CID.
        what: String,
        /// The problem and its position.
        why: String,
    },
    /// Larger, deeper or wider than is allowed.
    #[error("{what} is out of bounds: {why}")]
    OutOfBounds {
        /// The thing, by name.
        what: String,
        /// The bound, and how to move it if that can be done.
        why: String,
    },
    /// The path does not exist in the DAG.
    #[error("there is no {path} in {root}")]
    NoSuchPath {
        /// Where the path begins.
        root: Box<Cid>,
        /// The path.
        path: String,
    },
    /// The host's file system or network failed. The text completes "cannot …".
    #[error("cannot {what}: {source}")]
    Io {
        /// The attempted action.
        what: String,
        /// The error of the system.
        source: io::Error,
    },
}

impl DataError {
    /// The block is not to be had.
    pub fn missing(cid: &Cid, why: impl Into<String>) -> Self {
        Self::Missing { cid: Box::new(*cid), why: why.into() }
    }

    /// The bytes do not match the CID.
    pub fn corrupt(cid: &Cid, why: impl Into<String>) -> Self {
        Self::Corrupt { cid: Box::new(*cid), why: why.into() }
    }

    /// Not read by this version.
    pub fn unsupported(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), why: why.into() }
    }

    /// Malformed.
    pub fn malformed(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Malformed { what: what.into(), why: why.into() }
    }

    /// Malformed, with the correct hash.
    pub fn unusable(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unusable { what: what.into(), why: why.into() }
    }

    /// Above a limit.
    pub fn out_of_bounds(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::OutOfBounds { what: what.into(), why: why.into() }
    }

    /// A host error. `what` completes "cannot …".
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }
}

/// For [`Tree`](bacalhau_tree::Tree): host errors, except malformed blocks with the correct hash.
impl From<DataError> for io::Error {
    fn from(error: DataError) -> Self {
        match &error {
            DataError::NoSuchPath { .. } => {
                return Self::new(io::ErrorKind::NotFound, InputError::Absent(error.to_string()));
            }
            DataError::Unusable { .. } => {
                return Self::new(io::ErrorKind::InvalidData, InputError::Unusable(error.to_string()));
            }
            _ => {}
        }
        let kind = match &error {
            DataError::Missing { .. } => io::ErrorKind::NotFound,
            DataError::Unsupported { .. } => io::ErrorKind::Unsupported,
            DataError::Io { source, .. } => source.kind(),
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
