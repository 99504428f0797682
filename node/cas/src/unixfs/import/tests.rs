//! Imports against what other tools made of the same data, against a slow and plain reference, and read back.

mod archives;
mod back;
mod order;
mod reference;
mod refusals;
mod trees;
mod vectors;

use bacalhau_tree::Tree;

use super::steps::Walk;
use super::{Imported, Layout, Profile, run};
use crate::Block;
use crate::memory::MemoryShelf;

/// A layout with which a few bytes make deep trees.
fn tiny(profile: Profile) -> Layout {
    Layout { chunk_bytes: 3, links_per_node: 4, ..profile.layout() }
}

fn import_by(tree: &dyn Tree, layout: Layout) -> (Imported, MemoryShelf) {
    let shelf = MemoryShelf::default();
    let mut sink = |block: Block| {
        shelf.put(block);
        Ok(())
    };
    let imported = run(Walk::new(tree, layout.chunk_bytes), layout, &mut sink).unwrap();
    (imported, shelf)
}
