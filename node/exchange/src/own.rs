//! The node's block store as the shelf of an exchange: what is fetched goes into one pack after the other, and is there
//! for good when the exchange settles.

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::{Keep, lock};
use bacalhau_cas::store::{Store, Writer};
use bacalhau_cas::{Block, Cid, DataError, Shelf};

/// The store, and the pack that is being written.
#[derive(Debug)]
pub struct OwnStore {
    store: Arc<Store>,
    writer: Mutex<Option<Writer>>,
}

impl OwnStore {
    /// The shelf of `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, writer: Mutex::new(None) }
    }
}

impl Shelf for OwnStore {
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

impl Keep for OwnStore {
    fn keep(&self, blocks: &[Block]) -> Result<(), DataError> {
        let mut writer = lock(&self.writer);
        let writer = writer.get_or_insert_with(|| self.store.writer());
        blocks.iter().try_for_each(|block| writer.write(block))
    }

    fn settle(&self) -> Result<(), DataError> {
        // Finishing waits for the disk, and is nobody else's business.
        let writer = lock(&self.writer).take();
        writer.map_or(Ok(()), Writer::finish)
    }
}
