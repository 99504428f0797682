//! A Merkle tree that takes one leaf at a time and keeps one hash for each level.
//!
//! Like the digits of a binary counter: two subtrees of one height join at once, those that are left join at the end.
//! That is the tree of RFC 6962, which splits at the largest power of two. Leaves are not kept; the way of one chosen
//! leaf to the root is.

use crate::hash::{Hash, empty_hash, node_hash};

/// On which side of the path a hash stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A whole subtree.
#[derive(Debug)]
struct Subtree {
    height: u32,
    hash: Hash,
    /// Whether the chosen leaf is in it.
    chosen: bool,
}

/// The leaves so far.
#[derive(Debug)]
pub(crate) struct Tree {
    stack: Vec<Subtree>,
    leaves: u64,
    choice: Option<u64>,
    chosen_leaf: Option<Hash>,
    path: Vec<(Side, Hash)>,
}

/// The chosen leaf and its way to the root.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) index: u64,
    pub(crate) leaves: u64,
    pub(crate) leaf: Hash,
    pub(crate) siblings: Vec<(Side, Hash)>,
    pub(crate) root: Hash,
}

impl Tree {
    /// An empty tree that will remember the path of one leaf.
    pub(crate) fn new(choice: Option<u64>) -> Self {
        Self { stack: Vec::new(), leaves: 0, choice, chosen_leaf: None, path: Vec::new() }
    }

    pub(crate) fn leaves(&self) -> u64 {
        self.leaves
    }

    pub(crate) fn add_leaf(&mut self, hash: Hash) {
        let chosen = self.choice == Some(self.leaves);
        if chosen {
            self.chosen_leaf = Some(hash);
        }
        self.leaves += 1;
        let mut right = Subtree { height: 0, hash, chosen };
        while let Some(left) = self.stack.pop_if(|left| left.height == right.height) {
            note_sibling(&mut self.path, &left, &right);
            right = join(&left, &right);
        }
        self.stack.push(right);
    }

    pub(crate) fn root(&self) -> Hash {
        self.fold(&mut Vec::new())
    }

    /// The path of the chosen leaf, if the tree has that leaf.
    pub(crate) fn into_path(mut self) -> Option<Path> {
        let mut siblings = std::mem::take(&mut self.path);
        let root = self.fold(&mut siblings);
        Some(Path { index: self.choice?, leaves: self.leaves, leaf: self.chosen_leaf?, siblings, root })
    }

    /// Joins what is left on the stack, the smallest subtrees first.
    fn fold(&self, path: &mut Vec<(Side, Hash)>) -> Hash {
        let mut subtrees = self.stack.iter().rev();
        let Some(last) = subtrees.next() else {
            return empty_hash();
        };
        let mut right = Subtree { ..*last };
        for left in subtrees {
            note_sibling(path, left, &right);
            right = join(left, &right);
        }
        right.hash
    }
}

fn join(left: &Subtree, right: &Subtree) -> Subtree {
    Subtree { height: left.height + 1, hash: node_hash(&left.hash, &right.hash), chosen: left.chosen || right.chosen }
}

fn note_sibling(path: &mut Vec<(Side, Hash)>, left: &Subtree, right: &Subtree) {
    if right.chosen {
        path.push((Side::Left, left.hash));
    } else if left.chosen {
        path.push((Side::Right, right.hash));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::hash::{hex, leaf_hash};

    /// The leaves that the tests of Certificate Transparency use.
    pub(crate) const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    fn tree(leaves: &[&[u8]]) -> Tree {
        let mut tree = Tree::new(None);
        for leaf in leaves {
            tree.add_leaf(leaf_hash(leaf));
        }
        tree
    }

    #[test]
    fn the_roots_of_certificate_transparency() {
        for (count, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex(&tree(&LEAVES[..count]).root()), root, "{count} leaves");
        }
    }

    /// The definition of RFC 6962, as it stands there.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_hash(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&by_definition(left), &by_definition(right))
            }
        }
    }

    #[test]
    fn one_leaf_at_a_time_gives_the_tree_of_the_definition() {
        let (mut tree, mut leaves) = (Tree::new(None), Vec::new());
        for number in 0..200_u8 {
            assert_eq!(tree.root(), by_definition(&leaves));
            leaves.push(leaf_hash(&[number]));
            tree.add_leaf(leaf_hash(&[number]));
        }
    }
}
