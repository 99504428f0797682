//! Blocks in memory, for tests.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;

use super::{Block, Cid, DataError, Shelf, identity_bytes};

/// A shelf in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryShelf(Mutex<BTreeMap<Vec<u8>, Bytes>>);

impl MemoryShelf {
    /// Adds a block and says its CID.
    pub(crate) fn put(&self, block: Block) -> Cid {
        let (cid, bytes) = block.into_parts();
        self.0.lock().unwrap().insert(cid.hash().to_bytes(), bytes);
        cid
    }

    /// How many blocks there are.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Takes a block away.
    pub(crate) fn remove(&self, cid: &Cid) {
        self.0.lock().unwrap().remove(&cid.hash().to_bytes());
    }
}

impl Shelf for MemoryShelf {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        Ok(identity_bytes(cid).or_else(|| self.0.lock().unwrap().get(&cid.hash().to_bytes()).cloned()))
    }

    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        Ok(self.find(cid)?.map(|bytes| bytes.len() as u64))
    }
}
