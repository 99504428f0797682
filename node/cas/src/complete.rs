//! Whether all blocks of a DAG are on a shelf. Leaves are only looked up, not read.

use std::collections::HashSet;

use super::{Cid, DataError, Shelf, canonical, has_links, identity_bytes, links};

/// Whether `shelf` has everything below `root`. Ends at the first block that it has not.
///
/// # Errors
/// When a block that it has cannot be read or makes no sense.
pub fn is_complete(shelf: &dyn Shelf, root: &Cid) -> Result<bool, DataError> {
    Ok(first_missing(shelf, root)?.is_none())
}

/// The first block below `root` that `shelf` has not, `root` included; `None` where it has all of them.
///
/// # Errors
/// When a block that it has cannot be read or makes no sense.
pub fn first_missing(shelf: &dyn Shelf, root: &Cid) -> Result<Option<Cid>, DataError> {
    let mut seen = HashSet::new();
    let mut pending = vec![canonical(root)];
    while let Some(cid) = pending.pop() {
        if !has_links(&cid) {
            if identity_bytes(&cid).is_none() && shelf.size_of(&cid)?.is_none() {
                return Ok(Some(cid));
            }
            continue;
        }
        let block = identity_bytes(&cid).map_or_else(|| shelf.find(&cid), |bytes| Ok(Some(bytes)))?;
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
    use super::super::memory::MemoryShelf;
    use super::super::{Block, Code};
    use super::*;
    use crate::dag_pb::{Link, Node};

    #[test]
    fn every_block_counts_once() {
        let shelf = MemoryShelf::default();
        let leaf = shelf.put(Block::of(Code::Raw, "leaf"));
        let mut top = leaf;
        // A thousand links to one child, ten times: 10^30 paths, 11 blocks.
        for _ in 0..10 {
            let link = Link { cid: top, name: "".into(), total_size: 0 };
            let node = Node { links: vec![link; 1000], data: None };
            top = shelf.put(Block::of(Code::DagPb, node.encode()));
        }
        assert!(is_complete(&shelf, &top).unwrap());
        shelf.remove(&leaf);
        assert!(!is_complete(&shelf, &top).unwrap());
        assert!(!is_complete(&shelf, &leaf).unwrap());
    }
}
