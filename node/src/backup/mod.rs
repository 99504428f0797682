//! Copies of a data directory from which a node goes on: taken while the node serves or while it does not, checked by hashes
//! when they are put back.
//!
//! # What is in one
//!
//! | path | taken |
//! |---|---|
//! | `jobs.redb` | in one transaction: by the serving process where there is one, else from the file |
//! | `identity`, `client_key` | as they are |
//! | `publications` | each entry is whole by itself |
//! | `store/pins` | those that were there before and after the blocks were copied |
//! | `store/packs`, `results`, `published`, `deals` | unless only the state is wanted |
//!
//! The jobs are copied first. So everything that a job in the copy refers to was on disk when it was copied, or the job has
//! been forgotten since. What can be made again is not in it: compiled modules, indexes, downloads, executions that run.

mod copy;
mod line;
mod manifest;
mod restore;
mod take;

use bacalhau_runtime::HostFailure;

pub(crate) use line::Line;
pub use manifest::{Contents, Manifest};
pub use restore::restore;
pub use take::take;

/// The file in a backup that lists the others.
const MANIFEST: &str = "manifest.json";
/// The directory in a backup that becomes a data directory.
const DATA: &str = "data";
/// Names at the top of a data directory, in the order in which they are put back: without the last one no node starts.
const DATA_NAMES: [&str; 3] = ["deals", "published", "results"];
const STATE_FILES: [&str; 3] = ["client_key", "identity", crate::store::FILE_NAME];
const LEDGER: &str = crate::publisher::LEDGER_DIR;
const STORE: &str = "store";
const PACKS: &str = "store/packs";
const PINS: &str = "store/pins";

/// Why there is no backup, or it was not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The command cannot do what it was told to.
    #[error("{0}")]
    Usage(String),
    /// The backup is not what was written.
    #[error("the backup {place} cannot be restored: {why}")]
    Damaged {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The machine failed.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

#[cfg(test)]
mod tests;
