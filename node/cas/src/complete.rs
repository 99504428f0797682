//! Whether all blocks of a DAG are on a blockstore. Leaves are only looked up, not read.

use std::collections::HashSet;

use super::{Cid, DataError, LocalBlockstore, canonical, has_links, identity_bytes, links};

/// Whether `local_blockstore` has all blocks below `root`. Stops at the first missing one.
///
/// # Errors
/// When an existing block cannot be read or is malformed.
pub fn is_complete(blockstore: &dyn LocalBlockstore, root: &Cid) -> Result<bool, DataError> {
    Ok(first_missing(blockstore, root)?.is_none())
}

/// The first missing block of the DAG of `root` in `local_blockstore`; `None` when it is complete.
///
/// # Errors
/// When an existing block cannot be read or is malformed.
pub fn first_missing(blockstore: &dyn LocalBlockstore, root: &Cid) -> Result<Option<Cid>, DataError> {
    let mut seen = HashSet::new();
    let mut pending = vec![canonical(root)];
    while let Some(cid) = pending.pop() {
        if !has_links(&cid) {
            if identity_bytes(&cid).is_none() && blockstore.size_of(&cid)?.is_none() {
                return Ok(Some(cid));
            }
            continue;
        }
        let block = identity_bytes(&cid).map_or_else(|| blockstore.find(&cid), |bytes| Ok(Some(bytes)))?;
        let Some(block) = block else { return Ok(Some(cid)) };
        for link in links(&cid, &block)? {
            let link = canonical(&link);
            if seen.insert(link) {
                pending.push(link);
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::super::memory::MemoryBlockstore;
    use super::super::{Block, Code};
    use super::*;
    use crate::dag_pb::{Link, Node};

    #[test]
    fn every_block_counts_once() {
        let blockstore = MemoryBlockstore::default();
        let leaf = blockstore.put(Block::of(Code::Raw, "leaf"));
        let mut top = leaf;
        // A thousand links to one child, ten times: 10^30 paths, 11 blocks.
        for _ in 0..10 {
            let link = Link { cid: top, name: "".into(), total_size: 0 };
            let node = Node { links: vec![link; 1000], data: None };
            top = blockstore.put(Block::of(Code::DagPb, node.encode()));
        }
        assert!(is_complete(&blockstore, &top).unwrap());
        blockstore.remove(&leaf);
        assert!(!is_complete(&blockstore, &top).unwrap());
        assert!(!is_complete(&blockstore, &leaf).unwrap());
    }
}
