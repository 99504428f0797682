//! One block as `UnixFS` reads it: everything that can be checked without another block is checked here.

use std::sync::Arc;

use bacalhau_tree::{Kind, Stat};
use bytes::Bytes;

use super::hamt::Shard;
use super::listing::Listing;
use super::node_error::NodeError;
use super::{Meta, MetaKind};
use crate::{Cid, Code, DataError, dag_pb};

/// A decoded block.
#[derive(Debug)]
pub(super) enum Node {
    /// Bytes of a file, all in this block.
    Leaf(Bytes),
    /// A file, or a part of one, with bytes in other blocks.
    File(FileNode),
    /// A directory in one block.
    Dir(Arc<Listing>),
    /// A shard of a directory.
    Shard(Shard),
    /// A symbolic link and its target.
    Link(Box<str>),
}

/// The inner node of a file.
#[derive(Debug)]
pub(super) struct FileNode {
    /// Bytes before those of the children.
    pub(super) inline: Bytes,
    children: Vec<Cid>,
    /// Where the bytes of each child end, counted from the first byte of this node.
    ends: Vec<u64>,
}

impl Node {
    /// Decodes the block of `cid`.
    ///
    /// # Errors
    /// When its kind is unknown, or it is inconsistent.
    pub(super) fn read(cid: &Cid, block: Bytes) -> Result<Self, DataError> {
        match Code::of(cid)? {
            Code::Raw => Ok(Self::Leaf(block)),
            Code::DagPb => Self::of_dag_pb(cid, dag_pb::Node::decode(cid, block)?),
        }
    }

    fn of_dag_pb(cid: &Cid, node: dag_pb::Node) -> Result<Self, DataError> {
        let malformed = |why: NodeError| DataError::unusable(format!("block {cid}"), why.to_string());
        let data = node.data.ok_or_else(|| malformed(NodeError::NoData))?;
        let meta = Meta::decode(data).map_err(|why| malformed(NodeError::Meta(why)))?;
        match meta.kind {
            MetaKind::Raw | MetaKind::File => FileNode::read(&node.links, meta).map_err(malformed),
            MetaKind::Directory => {
                Listing::of_links(&node.links).map(|listing| Self::Dir(Arc::new(listing))).map_err(malformed)
            }
            MetaKind::HamtShard => Shard::read(&node.links, &meta).map(Self::Shard).map_err(malformed),
            MetaKind::Symlink => {
                let target = std::str::from_utf8(meta.data.as_deref().unwrap_or_default())
                    .map_err(|_| malformed(NodeError::LinkTarget))?;
                Ok(Self::Link(target.into()))
            }
            MetaKind::Metadata => {
                Err(DataError::unsupported(format!("block {cid} of the kind Metadata"), "unsupported UnixFS node type"))
            }
        }
    }

    /// The kind of the entry.
    pub(super) fn stat(&self) -> Stat {
        let (kind, size) = match self {
            Self::Leaf(bytes) => (Kind::File, bytes.len() as u64),
            Self::File(file) => (Kind::File, file.size()),
            Self::Dir(_) | Self::Shard(_) => (Kind::Dir, 0),
            Self::Link(target) => (Kind::Link, target.len() as u64),
        };
        Stat::new(kind, size)
    }

    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        let own = match self {
            Self::Leaf(bytes) => bytes.len(),
            Self::File(file) => file.inline.len() + file.ends.len() * (size_of::<Cid>() + 8),
            Self::Dir(listing) => listing.weight(),
            Self::Shard(shard) => shard.weight(),
            Self::Link(target) => target.len(),
        };
        own + size_of::<Self>()
    }
}

impl FileNode {
    fn read(links: &[dag_pb::Link], meta: Meta) -> Result<Node, NodeError> {
        let inline = meta.data.unwrap_or_default();
        let (have, sizes) = (links.len(), meta.block_sizes.len());
        if have != sizes {
            return Err(NodeError::Sizes { links: have, sizes });
        }
        let mut end = inline.len() as u64;
        let mut ends = Vec::with_capacity(have);
        for size in meta.block_sizes {
            end = end.checked_add(size).ok_or(NodeError::TooLarge)?;
            ends.push(end);
        }
        match meta.file_size {
            Some(size) if size != end => Err(NodeError::FileSize { size, parts: end }),
            _ if have == 0 => Ok(Node::Leaf(inline)),
            _ => Ok(Node::File(Self { inline, children: links.iter().map(|link| link.cid).collect(), ends })),
        }
    }

    /// Bytes of the file below this node.
    pub(super) fn size(&self) -> u64 {
        self.ends.last().copied().unwrap_or_default()
    }

    /// The children that have bytes between `start` and `end`, and where each of them starts and ends; all counted from
    /// the first byte of this node.
    pub(super) fn children(&self, start: u64, end: u64) -> impl Iterator<Item = (&Cid, u64, u64)> {
        let first = self.ends.partition_point(|child_end| *child_end <= start);
        (first..self.children.len())
            .map(|index| (&self.children[index], self.start_of(index), self.ends[index]))
            .take_while(move |(_, child_start, _)| *child_start < end)
            .filter(|(_, child_start, child_end)| child_start < child_end)
    }

    fn start_of(&self, index: usize) -> u64 {
        if index == 0 { self.inline.len() as u64 } else { self.ends[index - 1] }
    }
}
