//! Merkle trees over lists, with a membership proof for each element. A leaf is `SHA-256(0 ‖ bytes)`, a node `SHA-256(1
//! ‖ left ‖ right)`; the last node of an odd level moves up unchanged.

use crate::Hash256;

/// The hash of a leaf.
fn leaf(bytes: &[u8]) -> Hash256 {
    Hash256::of(&[&[0], bytes])
}

fn node(left: &Hash256, right: &Hash256) -> Hash256 {
    Hash256::of(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The tree over a list of byte strings: its levels, leaves first. An empty list has one empty leaf.
#[derive(Debug)]
pub struct Tree(Vec<Vec<Hash256>>);

impl Tree {
    /// The tree over `elements`.
    pub fn of<T: AsRef<[u8]>>(elements: &[T]) -> Self {
        let mut level: Vec<Hash256> = elements.iter().map(|element| leaf(element.as_ref())).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above =
                level.chunks(2).map(|pair| pair.get(1).map_or(pair[0], |right| node(&pair[0], right))).collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self(levels)
    }

    /// The root.
    pub fn root(&self) -> Hash256 {
        self.0.last().and_then(|level| level.first()).copied().unwrap_or_else(|| leaf(&[]))
    }

    /// The membership proof of the element at `index`, from its sibling up. Empty for an invalid index.
    pub fn path(&self, index: usize) -> Vec<Hash256> {
        if self.0.first().is_none_or(|leaves| index >= leaves.len()) {
            return Vec::new();
        }
        self.0.iter().enumerate().filter_map(|(height, level)| level.get((index >> height) ^ 1).copied()).collect()
    }
}

/// Whether `element`, at `index` of a list of `count`, leads by `path` to `root`.
pub fn leads(root: &Hash256, element: &[u8], index: usize, count: usize, path: &[Hash256]) -> bool {
    if index >= count {
        return false;
    }
    let (mut hash, mut index, mut count) = (leaf(element), index, count);
    let mut path = path.iter();
    while count > 1 {
        if index ^ 1 < count {
            let Some(sibling) = path.next() else { return false };
            hash = if index.is_multiple_of(2) { node(&hash, sibling) } else { node(sibling, &hash) };
        }
        index /= 2;
        count = count.div_ceil(2);
    }
    path.next().is_none() && hash == *root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_element_leads_to_the_root_and_nothing_else_does(
            elements in proptest::collection::vec(any::<[u8; 4]>(), 1..40), at: prop::sample::Index, other: [u8; 4]
        ) {
            let (index, count) = (at.index(elements.len()), elements.len());
            let tree = Tree::of(&elements);
            let (root, path) = (tree.root(), tree.path(index));
            prop_assert!(tree.path(count).is_empty());
            prop_assert!(leads(&root, &elements[index], index, count, &path));
            prop_assert!(elements[index] == other || !leads(&root, &other, index, count, &path));
            prop_assert!(!leads(&root, &elements[index], count, count, &path));
            let longer = [&path[..], &[root]].concat();
            prop_assert!(!leads(&root, &elements[index], index, count, &longer));
            if let Some(shorter) = path.split_last().map(|(_, shorter)| shorter) {
                prop_assert!(!leads(&root, &elements[index], index, count, shorter));
            }
        }
    }

    #[test]
    fn lists_that_differ_have_other_roots() {
        let root = |elements: &[&str]| Tree::of(elements).root();
        let (one, two) = (root(&["a", "b"]), root(&["b", "a"]));
        assert_ne!(one, two);
        assert_ne!(root(&["a"]), root(&["a", "a"]), "an odd one is not doubled");
        assert_ne!(root(&[]), root(&["a"]));
    }
}
