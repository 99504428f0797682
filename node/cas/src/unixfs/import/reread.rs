//! The blocks of a tree that was imported, read from it once more: files hold nearly all of the bytes already, so only
//! nodes and places are remembered.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bacalhau_tree::Tree;
use bytes::Bytes;

use super::buffers::Buffers;
use super::leaf::{Leaf, Source, full_block_bytes, reading};
use super::{Chunk, Layout, Sink};
use crate::{Block, BlockSource, Cid, DataError};

/// A [`Sink`] for one import that can produce its blocks again by reading the files.
#[derive(Debug)]
pub(super) struct Reread {
    tree: Arc<dyn Tree>,
    layout: Layout,
    buffers: Arc<Buffers>,
    /// Nodes that are not chunks. Some hundredths of a per cent of the bytes of large files.
    nodes: HashMap<Key, Bytes>,
    /// Where each chunk was first.
    chunks: HashMap<Key, Chunk>,
    /// Bytes of all blocks, each counted once.
    bytes: u64,
}

/// The digest of a CID: all that imports make are of one length.
type Key = [u8; 32];

impl Reread {
    /// Of `tree`, which is about to be imported in this layout.
    pub(super) fn new(tree: Arc<dyn Tree>, layout: Layout) -> Self {
        let buffers = Buffers::new(full_block_bytes(layout));
        Self { tree, layout, buffers, nodes: HashMap::new(), chunks: HashMap::new(), bytes: 0 }
    }

    /// Bytes of all blocks together.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read(&self, cid: &Cid, chunk: &Chunk) -> Result<Bytes, DataError> {
        let Chunk { path, offset, length } = chunk;
        let file = self.tree.open(path).map_err(|error| reading(path, error))?;
        let source = Source::At(file.into(), *offset);
        let mut leaf = Leaf { path: Arc::clone(path), source, length: *length, last: None };
        let block = leaf.block(self.layout, &self.buffers)?;
        if block.cid() == cid {
            return Ok(block.into_parts().1);
        }
        let name = if path.is_empty() { "the file" } else { path };
        Err(DataError::corrupt(
            cid,
            format!(
                "{name} changed while it was archived; try again when it is not being \
            written"
            ),
        ))
    }
}

impl Sink for Reread {
    fn put(&mut self, block: Block) -> Result<(), DataError> {
        if let Some(key) = key(block.cid()) {
            let bytes = block.into_parts().1;
            let length = bytes.len() as u64;
            if self.nodes.insert(key, bytes).is_none() {
                self.bytes += length;
            }
        }
        Ok(())
    }

    fn put_chunk(&mut self, block: Block, chunk: Chunk) -> Result<(), DataError> {
        if let Some(key) = key(block.cid())
            && let Entry::Vacant(place) = self.chunks.entry(key)
        {
            place.insert(chunk);
            self.bytes += block.bytes().len() as u64;
        }
        Ok(())
    }
}

impl BlockSource for Reread {
    fn get(&self, cid: &Cid) -> Result<Bytes, DataError> {
        let key = key(cid).unwrap_or_default();
        if let Some(node) = self.nodes.get(&key) {
            return Ok(node.clone());
        }
        let chunk = self.chunks.get(&key).ok_or_else(|| DataError::missing(cid, "it is not of this tree"))?;
        self.read(cid, chunk)
    }
}

fn key(cid: &Cid) -> Option<Key> {
    cid.hash().digest().try_into().ok()
}
