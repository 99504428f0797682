//! The hash function of Ethereum.

use sha3::{Digest as _, Keccak256};

/// Keccak-256 of `parts`, one after the other.
pub(super) fn keccak256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}
