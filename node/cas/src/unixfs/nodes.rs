//! Decoded blocks with a cache of recent ones. All reads of a mounted tree use it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::Cache;
use super::node::Node;
use crate::{BlockSource, Cid, DataError, identity_bytes};

/// Bytes of memory for nodes of late: the inner nodes of many large files and a few dozen leaves.
const KEPT_BYTES: usize = 32 << 20;
/// Blocks requested at a time for bulk reads.
const BATCH: usize = 1024;

/// The nodes of one tree.
#[derive(Debug)]
pub(super) struct Nodes {
    blocks: Arc<dyn BlockSource>,
    kept: Mutex<Cache<Node>>,
}

impl Nodes {
    pub(super) fn new(blocks: Arc<dyn BlockSource>) -> Self {
        Self { blocks, kept: Mutex::new(Cache::new(KEPT_BYTES)) }
    }

    /// The node of `cid`, which is kept.
    ///
    /// # Errors
    /// When its block cannot be had or read.
    pub(super) fn get(&self, cid: &Cid) -> Result<Arc<Node>, DataError> {
        if let Some(node) = self.at_hand(cid) {
            return Ok(node);
        }
        let node = Arc::new(self.read(cid)?);
        self.kept().put(*cid, Arc::clone(&node), node.weight());
        Ok(node)
    }

    /// The node of `cid`, without caching.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub(super) fn get_once(&self, cid: &Cid) -> Result<Arc<Node>, DataError> {
        match self.at_hand(cid) {
            Some(node) => Ok(node),
            None => self.read(cid).map(Arc::new),
        }
    }

    /// The node of `cid`, if it was read lately.
    pub(super) fn at_hand(&self, cid: &Cid) -> Option<Arc<Node>> {
        self.kept().get(cid)
    }

    /// The nodes of `cids` one after the other, while the next ones are on their way. They are kept.
    pub(super) fn each(&self, cids: &[Cid]) -> impl Iterator<Item = Result<Arc<Node>, DataError>> {
        self.announced(cids).map(|cid| self.get(cid))
    }

    /// As [`each`](Self::each), without caching.
    pub(super) fn each_once(&self, cids: &[Cid]) -> impl Iterator<Item = Result<Arc<Node>, DataError>> {
        self.announced(cids).map(|cid| self.get_once(cid))
    }

    /// `cids`, of which the next ones are announced in time.
    fn announced<'c>(&self, cids: &'c [Cid]) -> impl Iterator<Item = &'c Cid> {
        self.soon(&cids[..cids.len().min(BATCH)]);
        cids.iter().enumerate().map(move |(index, cid)| {
            if index % BATCH == 0 {
                let next = cids.len().min(index + BATCH);
                self.soon(&cids[next..cids.len().min(next + BATCH)]);
            }
            cid
        })
    }

    /// Announces that these blocks will be read soon. Cached ones are omitted.
    pub(super) fn soon(&self, cids: &[Cid]) {
        let wanted: Vec<_> = {
            let kept = self.kept();
            cids.iter().filter(|cid| !kept.has(cid) && identity_bytes(cid).is_none()).copied().collect()
        };
        if !wanted.is_empty() {
            self.blocks.soon(&wanted);
        }
    }

    fn read(&self, cid: &Cid) -> Result<Node, DataError> {
        let block = match identity_bytes(cid) {
            Some(bytes) => bytes,
            None => self.blocks.get(cid)?,
        };
        Node::read(cid, block)
    }

    fn kept(&self) -> MutexGuard<'_, Cache<Node>> {
        // A panic cannot leave the state inconsistent.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
