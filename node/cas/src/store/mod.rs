//! The block store on disk: blocks in packs, which are archives with an index, and what says which of them must stay. It
//! fetches nothing and knows no files: `exchange` and `unixfs` stand on it.
//!
//! # Where what lies
//!
//! | path | holds |
//! |---|---|
//! | `packs/AGE-NAME.car`, `.idx` | finished packs: CARs without roots, and their indexes, which can always be made again |
//! | `packs/AGE-NAME.bad` | where in a pack copies of blocks were found to be damaged |
//! | `drafts/AGE-NAME.car` | packs that are being written, each locked by its writer |
//! | `pins/CID` | a DAG that stays, by its root; the file holds a name for people |
//! | `claims/NAME` | what one living writer or job needs, locked by it; of no effect once it died |
//! | `lock` | see below |
//!
//! # Who may do what at the same time
//!
//! Any number of processes use one store at once, with `flock` on these files, which the system gives back when a process ends,
//! however that happens.
//!
//! - **Readers lock nothing.** They keep packs open, so one that is deleted stays readable to whoever has it; who misses a
//!   block looks whether the directory has changed.
//! - **`lock`, shared**, is held for moments: to make a draft or a claim together with its lock, to note in a claim that a
//!   block is there already, to move a finished pack to its place, to pin and unpin.
//! - **`lock`, exclusive**, is held by who collects, merges, or takes over drafts of the dead. So none of these moments lies
//!   within a collection. What a living writer has finished, or found to be there, is in its claim, and not collected.
//!
//! # Damage
//!
//! A copy of a block whose bytes do not have its hash counts for nothing: the block is missing, is fetched or written again into
//! another pack, and is found there. Whoever meets such a copy notes it in the `.bad` file of its pack. A pack is never
//! rewritten while a block of it that has to stay is damaged and has no other copy, and nothing is collected while a node of
//! what is pinned is damaged: it alone says which blocks are below it.
//!
//! # What a crash leaves
//!
//! A draft without a lock. Who opens the store next checks its blocks, cuts it behind the last good one and finishes it. A
//! pack is complete on disk before it gets its place, and is deleted only after what replaces it has got its own; what is left
//! between is two copies, or an index without its pack. Nothing that was acknowledged is ever in one place only that is being written.

mod budget;
mod claim;
mod collect;
mod damage;
mod draft;
mod layout;
mod lock;
mod mark;
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
use draft::Draft;
use layout::Layout;
use lock::Lock;
use packs::Packs;

pub use claim::Hold;
pub use collect::Collected;
pub use pin::{BROUGHT, DELIVERED, Pin};
pub use stat::Stat;
pub use verify::{BadBlock, IncompletePin, Verified};
pub use writer::Writer;

use super::car::Key;
use super::{Block, DataError, Shelf, identity_bytes};
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
    /// Those of this process that can be read already.
    drafts: RwLock<Vec<Arc<Draft>>>,
    budget: Budget,
}

impl Store {
    /// Opens or makes the store at `dir`, and finishes what dead writers left.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(dir: &Path, options: Options) -> Result<Arc<Self>, DataError> {
        let layout = Layout::make(dir)?;
        let store =
            Self { packs: Packs::new(&layout), budget: Budget::default(), drafts: RwLock::default(), layout, options };
        store.take_over()?;
        store.packs.refresh()?;
        Ok(Arc::new(store))
    }

    /// Begins to write. See [`Writer`].
    pub fn writer(self: &Arc<Self>) -> Writer {
        Writer::new(self.clone())
    }

    /// Writes blocks; they are safe on disk after that. A writer of one's own costs less where there are many.
    ///
    /// # Errors
    /// When the store is full or the disk fails; some of them may be there then.
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

    /// Closes packs that another process has removed: the disk has their room again only once nobody has them open.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn close_removed(&self) -> Result<(), DataError> {
        self.packs.refresh().map(drop)
    }

    /// Drafts of the dead, which have come by the lock of theirs.
    fn take_over(&self) -> Result<(), DataError> {
        if self.layout.drafts()?.is_empty() {
            return Ok(());
        }
        // Somebody who collects does this as well.
        let Some(exclusive) = Lock::try_exclusive(&self.layout)? else { return Ok(()) };
        self.finish_orphans(&exclusive)
    }

    fn finish_orphans(&self, lock: &Lock) -> Result<(), DataError> {
        for path in self.layout.drafts()? {
            let Some(draft) = Draft::of_the_dead(&path)? else { continue };
            if let Some(pack) = draft.finish(&self.layout, lock)? {
                self.packs.add(pack);
            }
        }
        Ok(())
    }

    fn look(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        // First, since a draft becomes a pack before it is none any more.
        let drafts = self.drafts.read().unwrap_or_else(PoisonError::into_inner).clone();
        for draft in drafts {
            match draft.find(cid) {
                Ok(None) | Err(DataError::Corrupt { .. }) => {}
                found => return found,
            }
        }
        self.packs.find(cid)
    }
}

impl Shelf for Store {
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
            let drafts = self.drafts.read().unwrap_or_else(PoisonError::into_inner).clone();
            let size = drafts.iter().find_map(|draft| draft.size_of(cid));
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

/// As messages say where a block is not.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block store {}", self.layout.dir().display())
    }
}

/// What a thread that panicked has left is as good as any: nothing here is half changed.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Deletes what may be gone already.
fn remove(path: &Path) -> Result<(), DataError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at("delete", path, error)),
        _ => Ok(()),
    }
}

fn at(what: &str, path: &Path, error: std::io::Error) -> DataError {
    DataError::io(format!("{what} {}", path.display()), error)
}
