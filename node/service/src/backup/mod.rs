//! Backup and restore of a data directory. A backup can be taken while the node serves, and is checked by hashes when
//! it is restored.
//!
//! # Content
//!
//! | path | taken |
//! |---|---|
//! | `jobs.redb` | in one transaction: from the serving process if there is one, otherwise from the file |
//! | `identity`, `client_key` | copied |
//! | `publications` | copied; entries are independent |
//! | `store/pins` | those that exist before and after the blocks are copied |
//! | `store/packs`, `results`, `published`, `deals`, `warm` | unless only the state is requested |
//!
//! The jobs are copied first. So everything that a copied job refers to was on disk, unless the job was deleted
//! meanwhile. Recreatable data is not included: compiled modules, indexes, downloads, running executions.

mod copy;
mod line;
mod manifest;
mod restore;
mod take;

use bacalhau_tree::HostFailure;

pub(crate) use line::Line;
pub use manifest::{Contents, Manifest};
pub use restore::restore;
pub use take::take;

/// The file in a backup that lists the others.
const MANIFEST: &str = "manifest.json";
/// The directory in a backup that becomes a data directory.
const DATA: &str = "data";
/// Names at the top of a data directory, in the order in which they are put back: without the last one no node starts.
const DATA_NAMES: [&str; 4] = ["deals", "published", "results", "warm"];
const STATE_FILES: [&str; 3] = ["client_key", "identity", bacalhau_store::FILE_NAME];
const LEDGER: &str = bacalhau_publisher::LEDGER_DIR;
const STORE: &str = "store";
const PACKS: &str = "store/packs";
const PINS: &str = "store/pins";

/// Why a backup or restore failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The arguments are invalid.
    #[error("{0}")]
    Usage(String),
    /// The backup is damaged.
    #[error("the backup {place} cannot be restored: {why}")]
    Damaged {
        /// Path of the damage.
        place: String,
        /// The problem.
        why: String,
    },
    /// The host failed.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

#[cfg(test)]
mod tests;
