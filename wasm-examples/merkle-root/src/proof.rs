//! An inclusion proof: the hashes beside the way from one chunk to the root, as text.
//!
//! To check it, start with `sha256(0x00 ‖ chunk)` and go through the path: for each line `left H` the new hash is
//! `sha256(0x01 ‖ H ‖ hash)`, for each `right H` it is `sha256(0x01 ‖ hash ‖ H)`; the last one must be the root.

use crate::{
    hash::hex,
    tree::{Path, Side, Tree},
};
use std::fmt::Write;

/// The proof of one chunk.
#[derive(Debug)]
pub(crate) struct Proof(Path);

impl Proof {
    /// The proof of the chosen leaf of a tree, if the tree has that leaf.
    pub(crate) fn of(tree: Tree) -> Option<Self> {
        tree.into_path().map(Self)
    }

    pub(crate) fn as_text(&self, file: &str, chunk_size: usize) -> String {
        let Path { index, leaves, leaf, siblings, root } = &self.0;
        let mut text = format!("file: {file}\nchunk-size: {chunk_size}\nchunks: {leaves}\nchunk: {index}\n");
        writeln!(text, "chunk-hash: {}\nroot: {}\npath:", hex(leaf), hex(root)).ok();
        for (side, hash) in siblings {
            let side = match side {
                Side::Left => "left",
                Side::Right => "right",
            };
            writeln!(text, "{side} {}", hex(hash)).ok();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{Hash, leaf_hash, node_hash};

    fn root_from(proof: &Proof) -> Hash {
        proof.0.siblings.iter().fold(proof.0.leaf, |hash, (side, sibling)| match side {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        })
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proved() {
        for leaves in 1..40_u8 {
            for choice in 0..leaves {
                let mut tree = Tree::new(Some(choice.into()));
                (0..leaves).for_each(|leaf| tree.add_leaf(leaf_hash(&[leaf])));
                let root = tree.root();
                let proof = Proof::of(tree);
                assert!(proof.is_some_and(|proof| root_from(&proof) == root), "{choice} of {leaves}");
            }
        }
    }

    #[test]
    fn a_leaf_that_is_not_there_has_no_proof() {
        assert!(Proof::of(Tree::new(Some(0))).is_none());
    }
}
