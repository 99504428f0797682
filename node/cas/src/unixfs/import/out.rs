//! Output of finished blocks, and the facts that their parents need.

use bytes::Bytes;
use cid::Version;

use super::{Chunk, Layout, Sink};
use crate::dag_pb::{Link, Node};
use crate::{Block, Cid, Code, DataError};

/// A finished part of the DAG, as the node above it has to describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Root block of the part.
    pub(super) cid: Cid,
    /// Bytes of all its blocks.
    pub(super) total_size: u64,
    /// Size of the file in it; 0 for other kinds.
    pub(super) file_size: u64,
}

impl Part {
    /// The part that is this block alone.
    pub(super) fn of(block: &Block, file_size: u64) -> Self {
        Self { cid: *block.cid(), total_size: block.bytes().len() as u64, file_size }
    }

    /// The link to it.
    pub(super) fn link(&self, name: impl Into<Bytes>) -> Link {
        Link { cid: self.cid, name: name.into(), total_size: self.total_size }
    }
}

/// Creates nodes by the profile, and emits all blocks.
pub(super) struct Out<'s> {
    pub(super) layout: Layout,
    pub(super) sink: &'s mut dyn Sink,
    pub(super) blocks: u64,
}

impl Out<'_> {
    /// Hands on a block.
    pub(super) fn put(&mut self, block: Block) -> Result<(), DataError> {
        self.blocks += 1;
        self.sink.put(block)
    }

    /// Hands on a block that is a chunk of a file.
    pub(super) fn put_chunk(&mut self, block: Block, chunk: Chunk) -> Result<(), DataError> {
        self.blocks += 1;
        self.sink.put_chunk(block, chunk)
    }

    /// Hands on a node above parts that were handed on.
    pub(super) fn put_node(&mut self, node: &Node, file_size: u64) -> Result<Part, DataError> {
        self.put_encoded(node, node.encode(), file_size)
    }

    /// The same for an encoded node.
    pub(super) fn put_encoded(&mut self, node: &Node, block: Vec<u8>, file_size: u64) -> Result<Part, DataError> {
        let block = self.layout.node(block);
        let mut part = Part::of(&block, file_size);
        part.total_size += node.links.iter().map(|link| link.total_size).sum::<u64>();
        self.put(block)?;
        Ok(part)
    }
}

impl Layout {
    /// The block of an encoded node.
    pub(super) fn node(&self, bytes: impl Into<Bytes>) -> Block {
        match self.cid_version {
            Version::V0 => Block::of_v0(bytes),
            Version::V1 => Block::of(Code::DagPb, bytes),
        }
    }
}
