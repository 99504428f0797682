//! The node's block store as the persistent store of an exchange: fetched blocks go into packs, which are durable after
//! `settle`.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::{BlockSink, lock};
use bacalhau_cas::{
    Block, Cid, DataError, LocalBlockstore,
    store::{Store, Writer},
};

/// The store, and the pack that is being written.
#[derive(Debug)]
pub struct OwnStore {
    store: Arc<Store>,
    writer: Mutex<Option<Writer>>,
}

impl OwnStore {
    /// The blockstore of `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, writer: Mutex::new(None) }
    }
}

impl LocalBlockstore for OwnStore {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        self.store.find(cid)
    }

    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        self.store.size_of(cid)
    }

    fn damaged_copy(&self, cid: &Cid) -> Option<String> {
        self.store.damaged_copy(cid)
    }
}

impl BlockSink for OwnStore {
    fn keep(&self, blocks: &[Block]) -> Result<(), DataError> {
        let mut writer = lock(&self.writer);
        let writer = writer.get_or_insert_with(|| self.store.writer());
        blocks.iter().try_for_each(|block| writer.write(block))
    }

    fn settle(&self) -> Result<(), DataError> {
        // Finishing waits for the disk, outside of the lock.
        let writer = lock(&self.writer).take();
        writer.map_or(Ok(()), Writer::finish)
    }
}
