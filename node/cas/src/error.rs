//! What can be wrong with content-addressed data. Every message says what and where; none of them is ever a vote.

use std::io;

use bacalhau_tree::InputError;

use super::Cid;

/// Why data could not be had, or was not what its CID says.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Nobody who was asked has the block.
    #[error("block {cid} is missing: {why}")]
    Missing {
        /// Which.
        cid: Box<Cid>,
        /// Who was asked, and what each of them said.
        why: String,
    },
    /// Bytes that do not have the hash that their CID names.
    #[error("block {cid} is corrupt: {why}")]
    Corrupt {
        /// What was asked for.
        cid: Box<Cid>,
        /// What came instead.
        why: String,
    },
    /// A codec, hash function, version or feature that this version does not read.
    #[error("{what} is not supported: {why}")]
    Unsupported {
        /// The thing, by name.
        what: String,
        /// What is supported instead.
        why: String,
    },
    /// An archive, an index or a message that makes no sense.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// The thing, by name.
        what: String,
        /// What is wrong with it, and where.
        why: String,
    },
    /// A block that has the right hash and makes no sense: whoever has it says so.
    #[error("{what} is malformed: {why}")]
    Unusable {
        /// The block, by its CID.
        what: String,
        /// What is wrong with it, and where.
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
    /// The path names nothing in the DAG.
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
        /// What was tried.
        what: String,
        /// The system's words.
        source: io::Error,
    },
}

impl DataError {
    /// The block is not to be had.
    pub fn missing(cid: &Cid, why: impl Into<String>) -> Self {
        Self::Missing { cid: Box::new(*cid), why: why.into() }
    }

    /// The bytes are not those of the CID.
    pub fn corrupt(cid: &Cid, why: impl Into<String>) -> Self {
        Self::Corrupt { cid: Box::new(*cid), why: why.into() }
    }

    /// Not read by this version.
    pub fn unsupported(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), why: why.into() }
    }

    /// Makes no sense.
    pub fn malformed(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Malformed { what: what.into(), why: why.into() }
    }

    /// Makes no sense, and is what its CID names.
    pub fn unusable(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unusable { what: what.into(), why: why.into() }
    }

    /// Too much.
    pub fn out_of_bounds(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::OutOfBounds { what: what.into(), why: why.into() }
    }

    /// The host failed. `what` completes "cannot …".
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }
}

/// For [`Tree`](bacalhau_tree::Tree), whose errors are the host's, but for what is wrong with blocks that have the right hash.
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
