//! The two hashes of RFC 6962: leaves and nodes start with another byte, so neither can be passed off as the other.
//!
//! It cuts no files and knows no trees.

use sha2::{Digest, Sha256};

/// A SHA-256 digest.
pub(crate) type Hash = [u8; 32];

/// The root of a tree without leaves.
pub(crate) fn empty_hash() -> Hash {
    Sha256::digest([]).into()
}

/// The hash of one chunk.
pub(crate) fn leaf_hash(chunk: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(chunk).finalize().into()
}

/// The hash of two subtrees.
pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// In lower case.
pub(crate) fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
