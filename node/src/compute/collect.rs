//! The requester's half of a delivery: results are fetched, hashed, and put in their place if they are what was voted for.
//! What a provider says of them is not believed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_runtime::{Link, dirhash};

use crate::cas::unixfs::{DagTree, Unpack};
use crate::cas::{Blocks, DataError};
use crate::protocol::Delivery;
use crate::{private, temporary};

/// Files, directories and links of results at most.
const MAX_ENTRIES: u64 = 1_000_000;

/// Collects results.
pub struct Collector {
    staging_dir: PathBuf,
    blocks: Option<Arc<dyn Blocks>>,
    max_bytes: u64,
    directories: bool,
}

impl Collector {
    /// Fetches from `blocks`, where there are any, results of `max_bytes` at most, first to a directory below `staging_dir`,
    /// which is on the file system of their places. Only with `directories` may a provider name a directory of this machine:
    /// between nodes of one process.
    pub fn new(staging_dir: PathBuf, blocks: Option<Arc<dyn Blocks>>, max_bytes: u64, directories: bool) -> Self {
        Self { staging_dir, blocks, max_bytes, directories }
    }

    /// Puts the results at `target`, in one step. If they are there already, that is all. Of a directory, files are
    /// linked and not copied, where both are on one file system.
    ///
    /// # Errors
    /// Why what was delivered does not count.
    pub fn collect(&self, delivery: &Delivery, h1: &str, target: &Path) -> Result<(), String> {
        let here = |error: io::Error| format!("this node cannot write {}: {error}", target.display());
        if target.symlink_metadata().is_ok() {
            if hash(target).is_ok_and(|found| found == h1) {
                return Ok(());
            }
            fs::remove_dir_all(target).map_err(here)?;
        }
        let parent = target.parent().unwrap_or(Path::new("."));
        private::create_dir_all(parent).map_err(here)?;
        let staging = temporary::dir_in(&self.staging_dir).map_err(here)?;
        let staged = staging.path().join("results");
        match delivery {
            Delivery::Dag(root) => {
                self.fetch(root, &staged).map_err(|error| format!("cannot fetch {root}: {error}"))?;
            }
            Delivery::Directory(path) if self.directories => {
                link(Path::new(path), &staged).map_err(|error| format!("cannot read {path}: {error}"))?;
            }
            Delivery::Directory(_) => return Err("it names a directory, which only nodes of one process may".into()),
        }
        let found = hash(&staged)?;
        if found != h1 {
            return Err(format!("what was published has the hash {found}, and {h1} was voted for"));
        }
        fs::rename(&staged, target).map_err(here)
    }

    fn fetch(&self, root: &Link, staged: &Path) -> Result<(), DataError> {
        let blocks =
            self.blocks.as_ref().ok_or_else(|| DataError::missing(root.cid(), "this node has no block store"))?;
        let tree = DagTree::open(Arc::clone(blocks), root.cid(), "")?;
        let unpack = Unpack { max_bytes: self.max_bytes, max_entries: MAX_ENTRIES, ..Unpack::default() };
        unpack.write(&tree, staged, &mut |_| ()).map(drop)
    }
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}

fn hash(results: &Path) -> Result<String, String> {
    let hashed = dirhash::hash_dir(results, "results");
    hashed.map(|hashed| hashed.h1).map_err(|error| format!("what was published cannot be hashed: {error}"))
}

/// The same files under another directory. Results hold files and directories only.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let place = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link(&entry.path(), &place)?;
        } else if fs::hard_link(entry.path(), &place).is_err() {
            fs::copy(entry.path(), &place)?;
        }
    }
    Ok(())
}
