//! Errors of the job store.

use std::fmt;
use std::io;
use std::path::PathBuf;

use bacalhau_tree::HostFailure;

use super::tables::SCHEMA;
use bacalhau_job::JobId;

/// Why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full or failed. Nothing was changed.
    #[error(transparent)]
    Host(#[from] HostFailure),
    /// Another process has the file.
    #[error("{0} is in use by another process: end that one, or use another --data-dir")]
    InUse(String),
    /// The file was written by another version.
    #[error("{place} {why}: use the version that wrote it, or move the file away to begin without its jobs")]
    Version {
        /// Path of the file.
        place: String,
        /// The found version.
        why: String,
    },
    /// The file is damaged.
    #[error(
        "{place} is damaged ({why}): restore a backup (bacalhau restore), or move it away to begin without its jobs"
    )]
    Damaged {
        /// Path of the file.
        place: String,
        /// The problem.
        why: String,
    },
    /// No job has this name, or one that begins so.
    #[error("unknown job {0:?}: see bacalhau list")]
    NoSuchJob(String),
    /// Several names begin so.
    #[error("several jobs begin with {prefix:?}: {}; write more of the name", list(.ids))]
    Ambiguous {
        /// The given prefix.
        prefix: String,
        /// Some of the matches.
        ids: Vec<JobId>,
    },
}

fn list(ids: &[JobId]) -> String {
    ids.iter().map(JobId::to_string).collect::<Vec<_>>().join(", ")
}

/// Where a store is: a path, or memory.
#[derive(Clone, Debug)]
pub(super) struct Place(pub(super) Option<PathBuf>);

impl Place {
    /// Converts an error of redb.
    pub(super) fn explain(&self, error: redb::Error) -> StoreError {
        let place = self.to_string();
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => StoreError::InUse(place),
            redb::Error::UpgradeRequired(version) => {
                StoreError::Version { place, why: format!("has version {version} of the file format") }
            }
            redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                StoreError::Damaged { place, why: error.to_string() }
            }
            redb::Error::Io(error) => HostFailure::io(format!("use {place}"), error).into(),
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                HostFailure::new(format!("{place} could not be used before, and was not opened again yet")).into()
            }
            other => StoreError::Damaged { place, why: other.to_string() },
        }
    }

    /// The file has another schema.
    pub(super) fn of_version(&self, version: u64) -> StoreError {
        let why = format!("has version {version} of the schema, and this program uses {SCHEMA}");
        StoreError::Version { place: self.to_string(), why }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(path) => path.display().fmt(f),
            None => f.write_str("the jobs in memory"),
        }
    }
}
