//! Collects results for the requester: fetches and hashes them, and moves them into place if they match the vote. The
//! provider's statements are not trusted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_tree::{Link, dirhash};

use super::CollectError;
use bacalhau_cas::{
    BlockSource, DataError,
    unixfs::{DagTree, Unpack},
};
use bacalhau_files::{private, temporary};
use bacalhau_job::Delivery;

/// Maximum files, directories and links of results.
const MAX_ENTRIES: u64 = 1_000_000;

/// Collects results.
pub struct Collector {
    staging_dir: PathBuf,
    blocks: Option<Arc<dyn BlockSource>>,
    max_bytes: u64,
    directories: bool,
}

impl Collector {
    /// A collector that fetches from `blocks` results of at most `max_bytes`, via `staging_dir`, which is on the file
    /// system of the targets. `directories` allows a provider to name a local directory, for nodes in one process.
    pub fn new(staging_dir: PathBuf, blocks: Option<Arc<dyn BlockSource>>, max_bytes: u64, directories: bool) -> Self {
        Self { staging_dir, blocks, max_bytes, directories }
    }

    /// Moves the results to `target` in one step. Does nothing if they exist. Files of a directory are hard-linked on
    /// one file system, otherwise copied.
    ///
    /// # Errors
    /// Why the delivery is rejected.
    pub fn collect(&self, delivery: &Delivery, h1: &str, target: &Path) -> Result<(), CollectError> {
        let here = |error: io::Error| CollectError::Write(target.into(), error);
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
                self.fetch(root, &staged).map_err(|error| CollectError::Fetch(Box::new(*root), Box::new(error)))?;
            }
            Delivery::Directory(path) if self.directories => {
                link(Path::new(path), &staged).map_err(|error| CollectError::Read(path.clone(), error))?;
            }
            Delivery::Directory(_) => return Err(CollectError::Directory),
        }
        let found = hash(&staged)?;
        if found != h1 {
            return Err(CollectError::Different { found, voted: h1.into() });
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

fn hash(results: &Path) -> Result<String, CollectError> {
    let hashed = dirhash::hash_dir(results, "results");
    hashed.map(|hashed| hashed.h1).map_err(|error| CollectError::Hash(Box::new(error)))
}

/// Links the files into another directory. Results contain only files and directories.
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
