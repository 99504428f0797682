//! Hand-made DAGs for tests, and blocks that record requests.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::{DagTree, Meta, MetaKind};
use crate::dag_pb::{Link, Node};
use crate::memory::MemoryBlockstore;
use crate::{Block, BlockSource, Cid, Code, DataError};

/// Blocks in memory that remember.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) blockstore: MemoryBlockstore,
    got: Mutex<Vec<Cid>>,
    soon: Mutex<Vec<Vec<Cid>>>,
}

impl BlockSource for Samples {
    fn get(&self, cid: &Cid) -> Result<Bytes, DataError> {
        self.got.lock().unwrap().push(*cid);
        self.blockstore.get(cid)
    }

    fn soon(&self, cids: &[Cid]) {
        self.soon.lock().unwrap().push(cids.into());
    }
}

impl Samples {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Blocks read since the last call.
    pub(crate) fn taken(&self) -> Vec<Cid> {
        std::mem::take(&mut *self.got.lock().unwrap())
    }

    /// Blocks announced since the last call.
    pub(crate) fn hints(&self) -> Vec<Vec<Cid>> {
        std::mem::take(&mut *self.soon.lock().unwrap())
    }

    pub(crate) fn tree(self: &Arc<Self>, root: &Cid) -> DagTree {
        self.open(root, "").unwrap()
    }

    pub(crate) fn open(self: &Arc<Self>, root: &Cid, path: &str) -> Result<DagTree, DataError> {
        DagTree::open(Arc::clone(self) as Arc<dyn BlockSource>, root, path)
    }

    pub(crate) fn raw(&self, bytes: impl Into<Bytes>) -> Cid {
        self.blockstore.put(Block::of(Code::Raw, bytes))
    }

    pub(crate) fn node(&self, meta: &Meta, links: Vec<Link>) -> Cid {
        let node = Node { links, data: Some(meta.encode().into()) };
        self.blockstore.put(Block::of(Code::DagPb, node.encode()))
    }

    /// A part of a file over parts of these lengths.
    pub(crate) fn file(&self, parts: &[(Cid, u64)]) -> Cid {
        let sizes: Vec<_> = parts.iter().map(|(_, size)| *size).collect();
        self.file_saying(parts, sizes.iter().fold(0, |sum: u64, size| sum.wrapping_add(*size)), sizes)
    }

    pub(crate) fn file_saying(&self, parts: &[(Cid, u64)], file_size: u64, block_sizes: Vec<u64>) -> Cid {
        let meta = Meta { file_size: Some(file_size), block_sizes, ..Meta::of(MetaKind::File) };
        self.node(&meta, parts.iter().map(|(cid, _)| link("", *cid)).collect())
    }

    /// A file of `bytes`, in leaves of `chunk` bytes and inner nodes of `width` links.
    pub(crate) fn balanced(&self, bytes: &[u8], chunk: usize, width: usize) -> Cid {
        let leaves = bytes.chunks(chunk).map(|chunk| (self.raw(chunk.to_vec()), chunk.len() as u64));
        let mut level: Vec<_> = leaves.collect();
        while level.len() > 1 {
            let parts = level.chunks(width);
            level = parts.map(|parts| (self.file(parts), parts.iter().map(|(_, size)| size).sum())).collect();
        }
        level.first().map_or_else(|| self.raw(""), |(cid, _)| *cid)
    }

    pub(crate) fn dir<N: AsRef<[u8]>>(&self, entries: &[(N, Cid)]) -> Cid {
        let links = entries.iter().map(|(name, cid)| link(name, *cid)).collect();
        self.node(&Meta::of(MetaKind::Directory), links)
    }

    pub(crate) fn link(&self, target: impl Into<Bytes>) -> Cid {
        self.node(&Meta { data: Some(target.into()), ..Meta::of(MetaKind::Symlink) }, vec![])
    }
}

pub(crate) fn link(name: impl AsRef<[u8]>, cid: Cid) -> Link {
    Link { cid, name: Bytes::copy_from_slice(name.as_ref()), total_size: 1 }
}

/// The text of an error.
pub(crate) fn words<T: Debug>(result: Result<T, impl ToString>) -> String {
    result.unwrap_err().to_string()
}

/// Bytes that differ from place to place.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| index.wrapping_mul(31) ^ index >> 8).map(|mixed| mixed.to_le_bytes()[0]).collect()
}
