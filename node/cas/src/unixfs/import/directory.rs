//! The node of a directory, or its shards where it is large.

use super::entry::Entry;
use super::out::{Out, Part};
use super::{Layout, ShardBy, shard};
use crate::DataError;
use crate::dag_pb::Node;
use crate::unixfs::{Meta, MetaKind};

/// Hands on the directory of `entries`, which are sorted by the bytes of their names.
pub(super) fn put(entries: Vec<Entry>, out: &mut Out<'_>) -> Result<Part, DataError> {
    if out.layout.shard_by == ShardBy::LinkBytes && link_bytes(&entries) > Layout::SHARD_ABOVE_BYTES {
        return shard::put(entries, out);
    }
    let links = entries.iter().map(|entry| entry.part.link(entry.name.clone())).collect();
    let node = Node { links, data: Some(Meta::of(MetaKind::Directory).encode().into()) };
    let block = node.encode();
    if out.layout.shard_by == ShardBy::BlockBytes && block.len() > Layout::SHARD_ABOVE_BYTES {
        return shard::put(entries, out);
    }
    out.put_encoded(&node, block, 0)
}

fn link_bytes(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.name.len() + entry.part.cid.encoded_len()).sum()
}
