//! Blocks in memory: for tests, and for DAGs that are small.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Block, Cid, DataError, LocalBlockstore, identity_bytes};

/// An unbounded blockstore in memory. Blocks stay until they are removed.
#[derive(Debug, Default)]
pub struct MemoryBlockstore(Mutex<BTreeMap<Vec<u8>, Bytes>>);

impl MemoryBlockstore {
    /// Adds a block and returns its CID.
    pub fn put(&self, block: Block) -> Cid {
        let (cid, bytes) = block.into_parts();
        self.blocks().insert(cid.hash().to_bytes(), bytes);
        cid
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.blocks().len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.blocks().is_empty()
    }

    /// Takes a block away.
    pub fn remove(&self, cid: &Cid) {
        self.blocks().remove(&cid.hash().to_bytes());
    }

    fn blocks(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Bytes>> {
        // A panic cannot leave the map inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalBlockstore for MemoryBlockstore {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        Ok(identity_bytes(cid).or_else(|| self.blocks().get(&cid.hash().to_bytes()).cloned()))
    }

    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        Ok(self.find(cid)?.map(|bytes| bytes.len() as u64))
    }
}
