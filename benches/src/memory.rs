//! A shelf of blocks in memory, so that a measurement has no disk in it.

use std::collections::HashMap;
use std::sync::RwLock;

use bacalhau_cas::{
    Block, Cid, DataError, LocalBlockstore,
    unixfs::import::{Imported, Profile, Sink, import},
};
use bacalhau_exchange::BlockSink;
use bacalhau_runtime::Tree;
use bytes::Bytes;

/// A block source in memory.
#[derive(Debug, Default)]
pub struct Memory(RwLock<HashMap<Vec<u8>, Bytes>>);

impl Memory {
    /// A tree as blocks.
    pub fn import(&self, tree: &dyn Tree, profile: Profile) -> Imported {
        import(tree, profile, &mut &*self).unwrap()
    }

    fn add(&self, block: &Block) {
        // Copied: an import lends its buffers.
        let bytes = Bytes::copy_from_slice(block.bytes());
        self.0.write().unwrap().insert(block.cid().hash().to_bytes(), bytes);
    }
}

impl Sink for &Memory {
    fn put(&mut self, block: Block) -> Result<(), DataError> {
        self.add(&block);
        Ok(())
    }
}

impl LocalBlockstore for Memory {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        Ok(self.0.read().unwrap().get(&cid.hash().to_bytes()).cloned())
    }

    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        Ok(self.find(cid)?.map(|bytes| bytes.len() as u64))
    }
}

impl BlockSink for Memory {
    fn keep(&self, blocks: &[Block]) -> Result<(), DataError> {
        let mut shelf = self.0.write().unwrap();
        shelf.extend(blocks.iter().map(|block| (block.cid().hash().to_bytes(), block.bytes().clone())));
        Ok(())
    }

    fn settle(&self) -> Result<(), DataError> {
        Ok(())
    }
}
