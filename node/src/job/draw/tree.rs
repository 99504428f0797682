//! Merkle trees over lists of which each element can be shown to belong to the root alone. A leaf is
//! `SHA-256(0 ‖ bytes)`, a node `SHA-256(1 ‖ left ‖ right)`; the last of an odd level goes up as it is.

use crate::job::Hash256;

/// The hash of a leaf.
fn leaf(bytes: &[u8]) -> Hash256 {
    Hash256::of(&[&[0], bytes])
}

fn node(left: &Hash256, right: &Hash256) -> Hash256 {
    Hash256::of(&[&[1], left.as_bytes(), right.as_bytes()])
}

fn level_above(level: &[Hash256]) -> Vec<Hash256> {
    level.chunks(2).map(|pair| pair.get(1).map_or(pair[0], |right| node(&pair[0], right))).collect()
}

/// The root of a list of byte strings. That of an empty list is the hash of an empty leaf.
pub fn root<T: AsRef<[u8]>>(elements: &[T]) -> Hash256 {
    let mut level: Vec<Hash256> = elements.iter().map(|element| leaf(element.as_ref())).collect();
    while level.len() > 1 {
        level = level_above(&level);
    }
    level.first().copied().unwrap_or_else(|| leaf(&[]))
}

/// The hashes with which the element at `index` leads to the root, from its neighbour up. Empty where there is no such
/// element.
pub fn path<T: AsRef<[u8]>>(elements: &[T], mut index: usize) -> Vec<Hash256> {
    let mut level: Vec<Hash256> = elements.iter().map(|element| leaf(element.as_ref())).collect();
    let mut path = Vec::new();
    while level.len() > 1 && index < level.len() {
        path.extend(level.get(index ^ 1));
        level = level_above(&level);
        index /= 2;
    }
    path
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
            let (root, path) = (root(&elements), path(&elements, index));
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
        let (one, two) = (root(&["a", "b"]), root(&["b", "a"]));
        assert_ne!(one, two);
        assert_ne!(root(&["a"]), root(&["a", "a"]), "an odd one is not doubled");
        assert_ne!(root::<&str>(&[]), root(&["a"]));
    }
}
