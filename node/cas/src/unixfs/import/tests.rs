//! Imports against what other tools made of the same data, against a slow and plain reference, and read back.

mod archives;
mod back;
mod order;
mod reference;
mod refusals;
mod trees;
mod vectors;

use bacalhau_tree::Tree;

use super::steps::TreeWalk;
use super::{Imported, Layout, Profile, run};
use crate::Block;
use crate::memory::MemoryBlockstore;

/// A layout with which a few bytes make deep trees.
fn tiny(profile: Profile) -> Layout {
    Layout { chunk_bytes: 3, links_per_node: 4, ..profile.layout() }
}

fn import_by(tree: &dyn Tree, layout: Layout) -> (Imported, MemoryBlockstore) {
    let blockstore = MemoryBlockstore::default();
    let mut sink = |block: Block| {
        blockstore.put(block);
        Ok(())
    };
    let imported = run(TreeWalk::new(tree, layout.chunk_bytes), layout, &mut sink).unwrap();
    (imported, blockstore)
}
