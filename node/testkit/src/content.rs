//! Content of files that is long and does not repeat.

/// Bytes without repeated blocks; another `seed` gives others.
#[expect(clippy::cast_possible_truncation, reason = "the lowest byte is meant")]
pub fn pattern(bytes: u32, seed: u32) -> Vec<u8> {
    (0..bytes).map(|i| (i.wrapping_mul(31) ^ (i >> 8) ^ (i >> 16).wrapping_mul(7) ^ seed) as u8).collect()
}
