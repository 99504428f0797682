//! The `extraData` of `addPieces`: `(uint256 nonce, string[][] keys, string[][] values, bytes signature)` in the ABI of
//! Solidity, for one piece without metadata.

use super::Uint256;

/// Length of a word in bytes.
const WORD: usize = 32;

/// Encodes `nonce` and `signature`.
pub fn extra_data(nonce: &Uint256, signature: &[u8; 65]) -> Vec<u8> {
    // A list of one list without elements: its length, the offset of the inner list, and the length of that.
    let no_entries = [1, WORD, 0];
    let heads = 4 * WORD;
    let list_bytes = no_entries.len() * WORD;
    let offsets = [heads, heads + list_bytes, heads + 2 * list_bytes];
    let mut encoded = nonce.word().to_vec();
    let words = offsets.into_iter().chain(no_entries).chain(no_entries).chain([signature.len()]);
    words.for_each(|word| encoded.extend(number(word)));
    encoded.extend(signature);
    encoded.resize(encoded.len().next_multiple_of(WORD), 0);
    encoded
}

fn number(value: usize) -> [u8; WORD] {
    Uint256::from(value as u128).word()
}
