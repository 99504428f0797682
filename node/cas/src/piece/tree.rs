//! The binary tree over padded bytes. A leaf is 32 bytes at level 0; a parent is the SHA-256 of its two children with
//! the two highest bits cleared. Subtrees are computed independently, in any order; [`Frontier`] joins them, and holds
//! one node of each level.

use std::sync::LazyLock;

use sha2::block_api::compress256;

use super::fr32::{self, QUAD_BYTES};

/// 32 bytes of a piece, or the hash above some.
pub(super) type Node = [u8; 32];

/// The level of the node above one quad.
pub(super) const QUAD_LEVEL: u8 = 2;
/// Maximum level of a root whose payload, 127 of each 128 bytes, fits in 64 bits.
pub(super) const MAX_LEVEL: u8 = 58;

/// Quads that are padded before any of them is hashed: their leaves stay in the fastest cache, and a node is read long
/// after it was written. One after the other takes a fifth more time.
const GROUP_QUADS: usize = 64;

/// The state of SHA-256 before the first block (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// SHA-256 padding of 64 bytes: a bit, zeros, and the length of 512 bits (FIPS 180-4, 5.1.1).
const APPENDED: [u8; 64] = {
    let mut block = [0; 64];
    block[0] = 0x80;
    block[62] = 0x02;
    block
};

/// The node above a subtree of zeros, by its level.
pub(super) static ZEROS: LazyLock<[Node; MAX_LEVEL as usize + 1]> = LazyLock::new(|| {
    let mut zeros = [[0; 32]; MAX_LEVEL as usize + 1];
    for level in 1..zeros.len() {
        zeros[level] = above(&zeros[level - 1], &zeros[level - 1]);
    }
    zeros
});

/// The node above two.
pub(super) fn above(left: &Node, right: &Node) -> Node {
    // Compresses both blocks at once, without the state of a hasher: the exact cost of a node.
    let mut blocks = [[0; 64], APPENDED];
    blocks[0][..32].copy_from_slice(left);
    blocks[0][32..].copy_from_slice(right);
    let mut state = INITIAL;
    compress256(&mut state, &blocks);
    let mut node = [0; 32];
    for (bytes, word) in node.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    node[31] &= 0x3f;
    node
}

/// The node above one quad.
pub(super) fn quad(bytes: &[u8; QUAD_BYTES]) -> Node {
    let [a, b, c, d] = fr32::pad(bytes);
    above(&above(&a, &b), &above(&c, &d))
}

/// The node above `payload`, of 2ⁿ quads.
pub(super) fn subtree(payload: &[u8]) -> Node {
    let mut leaves = [[0; 32]; 4 * GROUP_QUADS];
    let mut nodes = Vec::with_capacity(payload.len() / (GROUP_QUADS * QUAD_BYTES) + 1);
    for group in payload.chunks(GROUP_QUADS * QUAD_BYTES) {
        let quads = group.as_chunks().0;
        for (quad, padded) in quads.iter().zip(leaves.as_chunks_mut().0) {
            *padded = fr32::pad(quad);
        }
        nodes.push(reduce(&mut leaves[..4 * quads.len()]));
    }
    reduce(&mut nodes)
}

/// The parent of 2ⁿ nodes.
fn reduce(nodes: &mut [Node]) -> Node {
    let mut count = nodes.len();
    while count > 1 {
        count /= 2;
        for at in 0..count {
            nodes[at] = above(&nodes[2 * at], &nodes[2 * at + 1]);
        }
    }
    nodes.first().copied().unwrap_or_default()
}

/// Nodes of complete subtrees that wait for their right sibling, at most one a level.
#[derive(Debug, Default)]
pub(super) struct Frontier {
    waiting: Vec<Option<Node>>,
}

impl Frontier {
    /// Adds the next subtree, which is not larger than those before it, and whose leaves begin at a multiple of its
    /// size.
    pub(super) fn push(&mut self, mut node: Node, level: u8) {
        let mut level = usize::from(level);
        loop {
            if self.waiting.len() <= level {
                self.waiting.resize(level + 1, None);
            }
            let Some(left) = self.waiting[level].take() else {
                self.waiting[level] = Some(node);
                return;
            };
            node = above(&left, &node);
            level += 1;
        }
    }

    /// Fills up with zeros to the smallest complete tree, and returns root and level. Without data, the root is that of
    /// a quad of zeros.
    pub(super) fn finish(mut self) -> (Node, u8) {
        let mut level = QUAD_LEVEL;
        loop {
            let at = usize::from(level);
            let Some(node) = self.waiting.get_mut(at).and_then(Option::take) else {
                if self.waiting.iter().all(Option::is_none) {
                    return (ZEROS[at], level);
                }
                level += 1;
                continue;
            };
            if self.waiting.iter().all(Option::is_none) {
                return (node, level);
            }
            self.push(above(&node, &ZEROS[at]), level + 1);
            level += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_node_is_the_hash_of_two_without_its_highest_bits() {
        for byte in 0..=255_u8 {
            let (left, right) = ([byte; 32], [byte.wrapping_mul(7); 32]);
            let mut expected: Node = Sha256::new().chain_update(left).chain_update(right).finalize().into();
            expected[31] &= 0x3f;
            assert_eq!(above(&left, &right), expected);
        }
    }

    #[test]
    fn zeros_are_known_without_hashing_them() {
        for level in QUAD_LEVEL..12 {
            let zeros = vec![0; QUAD_BYTES << (level - QUAD_LEVEL)];
            assert_eq!(subtree(&zeros), ZEROS[usize::from(level)], "level {level}");
        }
    }
}
