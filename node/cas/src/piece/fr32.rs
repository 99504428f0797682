//! 127 bytes of a payload as four numbers of 254 bits, each in 32 bytes with its lowest byte first: the two highest bits
//! of each are zero.

use super::tree::Node;

/// Bytes of a payload that are padded together.
pub(super) const QUAD_BYTES: usize = 127;
/// Bytes that they are padded to.
pub(super) const PADDED_QUAD_BYTES: u64 = 128;

/// The two highest bits of the last eight bytes of a number.
const TOP: u64 = u64::MAX >> 2;

/// Pads a quad of 127 bytes.
pub(super) fn pad(quad: &[u8; QUAD_BYTES]) -> [Node; 4] {
    // With a zero behind, so that each number can be read by whole words.
    let mut bytes = [0; QUAD_BYTES + 1];
    bytes[..QUAD_BYTES].copy_from_slice(quad);
    // The first bit of each number, as a byte and a bit in it: 0, 254, 508 and 762.
    [number::<0, 0>(&bytes), number::<31, 6>(&bytes), number::<63, 4>(&bytes), number::<95, 2>(&bytes)]
}

fn number<const BYTE: usize, const BIT: u32>(bytes: &[u8; QUAD_BYTES + 1]) -> Node {
    let mut node = [0; 32];
    for word in 0..4 {
        let at = BYTE + 8 * word;
        let mut eight = [0; 8];
        eight.copy_from_slice(&bytes[at..at + 8]);
        let mut value = u64::from_le_bytes(eight) >> BIT;
        if BIT > 0 {
            value |= u64::from(bytes[at + 8]) << (64 - BIT);
        }
        if word == 3 {
            value &= TOP;
        }
        node[8 * word..8 * word + 8].copy_from_slice(&value.to_le_bytes());
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit `at` of `bytes`, the lowest of each byte first.
    fn bit(bytes: &[u8], at: usize) -> bool {
        bytes[at / 8] >> (at % 8) & 1 == 1
    }

    #[test]
    fn every_bit_is_where_it_belongs_and_two_of_256_are_zero() {
        // Each bit of the quad alone.
        for set in 0..QUAD_BYTES * 8 {
            let mut quad = [0; QUAD_BYTES];
            quad[set / 8] = 1 << (set % 8);
            let padded = pad(&quad).concat();
            for at in 0..padded.len() * 8 {
                let expected = at == set / 254 * 256 + set % 254;
                assert_eq!(bit(&padded, at), expected, "bit {set} of the quad at bit {at}");
            }
        }
        assert!(pad(&[0xff; QUAD_BYTES]).iter().all(|node| node[..31] == [0xff; 31] && node[31] == 0x3f));
    }
}
