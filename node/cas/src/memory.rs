//! Blocks in memory: for tests, and for DAGs that are small.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Block, Cid, DataError, Shelf, identity_bytes};

/// A blockstore in memory. Cheap lookups, no bound: what is put stays until it is removed.
#[derive(Debug, Default)]
pub struct MemoryShelf(Mutex<BTreeMap<Vec<u8>, Bytes>>);

impl MemoryShelf {
    /// Adds a block and says its CID.
    pub fn put(&self, block: Block) -> Cid {
        let (cid, bytes) = block.into_parts();
        self.blocks().insert(cid.hash().to_bytes(), bytes);
        cid
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.blocks().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocks().is_empty()
    }

    /// Takes a block away.
    pub fn remove(&self, cid: &Cid) {
        self.blocks().remove(&cid.hash().to_bytes());
    }

    fn blocks(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Bytes>> {
        // Nothing is half done when a thread panics here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf for MemoryShelf {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        Ok(identity_bytes(cid).or_else(|| self.blocks().get(&cid.hash().to_bytes()).cloned()))
    }

    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        Ok(self.find(cid)?.map(|bytes| bytes.len() as u64))
    }
}
