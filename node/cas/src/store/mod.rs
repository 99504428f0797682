//! The block store on disk: blocks in packs, which are archives with an index, and pins and leases that keep them.
//! `exchange` and `unixfs` use it; it does not fetch blocks.
//!
//! # Files
//!
//! | path | holds |
//! |---|---|
//! | `packs/AGE-NAME.car`, `.idx` | finished packs: CARs without roots, and their indexes, which can be recreated |
//! | `packs/AGE-NAME.bad` | positions of damaged copies in a pack |
//! | `drafts/AGE-NAME.car` | packs being written, each locked by its writer |
//! | `pins/CID` | a pinned DAG by its root; the file contains a name for people |
//! | `claims/NAME` | lease of a living writer or job, locked by it; no effect after it has ended |
//! | `lock` | see below |
//!
//! # Concurrency
//!
//! Any number of processes use one store at once, with `flock` on these files, which the system releases when a process
//! ends in any way.
//!
//! - **Readers lock nothing.** They keep packs open, so that deleted ones stay readable; on a missing block they check
//!   the directory for changes.
//! - **`lock`, shared**, is held briefly: to create a locked open pack or lease, to add an existing block to a lease, to
//!   move a finished pack to its place, to pin and unpin.
//! - **`lock`, exclusive**, is held to collect, merge, or adopt abandoned open packs. So none of the brief operations
//!   overlaps a collection. Blocks that a living writer has finished or found are in its lease and not collected.
//!
//! # Damage
//!
//! A copy with a wrong hash does not count: the block is missing, and is fetched or written again into another pack. A
//! reader of such a copy records it in the `.bad` file of the pack. A pack is never rewritten while a live block of it
//! is damaged without another copy, and nothing is collected while a pinned node is damaged, because only the node has
//! the links to the blocks below it.
//!
//! # Crashes
//!
//! A crash leaves an unlocked open pack. The next opening of the store verifies its blocks, truncates it after the last
//! valid one and finishes it. A pack is complete on disk before it is moved to its place, and is deleted only after its
//! replacement is in place; a crash in between leaves two copies, or an index without its pack. Acknowledged blocks are
//! never only in a file that is being written.

mod budget;
mod collect;
mod damage;
mod layout;
mod lease;
mod lock;
mod mark;
mod open_pack;
mod pack;
mod packs;
mod pin;
mod stat;
#[cfg(test)]
mod tests;
mod verify;
mod writer;

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;

use budget::Budget;
use layout::Layout;
use lock::Lock;
use open_pack::OpenPack;
use packs::Packs;

pub use collect::Collected;
pub use lease::GcLease;
pub use pin::{BROUGHT, DELIVERED, Pin};
pub use stat::Stat;
pub use verify::{BadBlock, IncompletePin, Verified};
pub use writer::Writer;

use super::car::Key;
use super::{Block, DataError, LocalBlockstore, identity_bytes};
use crate::Cid;
use bacalhau_files::temporary;

/// How a store is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes that it may take of the disk, indexes included. While packs are rewritten it may be a pack more, and another
    /// process that is writing is noticed only every 64 MiB. Default: 100 GiB.
    pub max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_bytes: 100 << 30 }
    }
}

/// A block store.
pub struct Store {
    layout: Layout,
    options: Options,
    packs: Packs,
    /// Readable open packs of this process.
    open_packs: RwLock<Vec<Arc<OpenPack>>>,
    budget: Budget,
}

impl Store {
    /// Opens or creates the store at `dir`, and finishes abandoned open packs.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(dir: &Path, options: Options) -> Result<Arc<Self>, DataError> {
        let layout = Layout::make(dir)?;
        let store = Self {
            packs: Packs::new(&layout),
            budget: Budget::default(),
            open_packs: RwLock::default(),
            layout,
            options,
        };
        store.take_over()?;
        store.packs.refresh()?;
        Ok(Arc::new(store))
    }

    /// Begins to write. See [`Writer`].
    pub fn writer(self: &Arc<Self>) -> Writer {
        Writer::new(self.clone())
    }

    /// Writes blocks durably. A dedicated writer is cheaper for many blocks.
    ///
    /// # Errors
    /// When the store is full or the disk fails; some blocks may be stored then.
    pub fn put(self: &Arc<Self>, blocks: &[Block]) -> Result<(), DataError> {
        let writer = self.writer();
        blocks.iter().try_for_each(|block| writer.write(block))?;
        writer.finish()
    }

    /// Removes temporary files that killed processes have left.
    pub fn sweep(&self) {
        temporary::sweep(&self.layout.packs());
        temporary::sweep(&self.layout.pins());
    }

    /// Closes packs that another process has removed: their disk space is free only when no process has them open.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn close_removed(&self) -> Result<(), DataError> {
        self.packs.refresh().map(drop)
    }

    /// Open packs of ended processes, whose lock this process has taken.
    fn take_over(&self) -> Result<(), DataError> {
        if self.layout.open_packs()?.is_empty() {
            return Ok(());
        }
        // A concurrent collection does this too.
        let Some(exclusive) = Lock::try_exclusive(&self.layout)? else { return Ok(()) };
        self.finish_orphans(&exclusive)
    }

    fn finish_orphans(&self, lock: &Lock) -> Result<(), DataError> {
        for path in self.layout.open_packs()? {
            let Some(open_pack) = OpenPack::of_the_dead(&path)? else { continue };
            if let Some(pack) = open_pack.finish(&self.layout, lock)? {
                self.packs.add(pack);
            }
        }
        Ok(())
    }

    fn look(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        // First, because an open pack becomes a pack before it leaves their list.
        let open_packs = self.open_packs.read().unwrap_or_else(PoisonError::into_inner).clone();
        for open_pack in open_packs {
            match open_pack.find(cid) {
                Ok(None) | Err(DataError::Corrupt { .. }) => {}
                found => return found,
            }
        }
        self.packs.find(cid)
    }
}

impl LocalBlockstore for Store {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(Some(bytes));
        }
        let mut found = self.look(cid);
        if !matches!(found, Ok(Some(_))) && self.packs.refresh()? {
            found = self.look(cid);
        }
        found
    }

    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(Some(bytes.len() as u64));
        }
        let look = || {
            let open_packs = self.open_packs.read().unwrap_or_else(PoisonError::into_inner).clone();
            let size = open_packs.iter().find_map(|open_pack| open_pack.size_of(cid));
            size.map_or_else(|| self.packs.size_of(cid), |size| Ok(Some(size)))
        };
        match look()? {
            None if self.packs.refresh()? => look(),
            size => Ok(size),
        }
    }

    fn damaged_copy(&self, cid: &Cid) -> Option<String> {
        self.packs.damaged_copy(&Key::of(cid)).ok().flatten()
    }
}

/// Used in messages about missing blocks.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block store {}", self.layout.dir().display())
    }
}

/// A panic cannot leave these values inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Deletes a file that may be gone already.
fn remove(path: &Path) -> Result<(), DataError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at("delete", path, error)),
        _ => Ok(()),
    }
}

fn at(what: &str, path: &Path, error: std::io::Error) -> DataError {
    DataError::io(format!("{what} {}", path.display()), error)
}
