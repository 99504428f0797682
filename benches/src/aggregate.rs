//! An aggregate of many small segments (FRC-0058).

use bacalhau_cas::piece::Commitment;
use sha2::{Digest, Sha256};

/// Padded size of the aggregate.
const PADDED: usize = 128 << 20;
/// Padded size of a segment.
const SEGMENT: usize = 16 << 10;

/// The payload of a piece with so many segments of 16 KiB, all different.
pub fn aggregate(segments: u32) -> Vec<u8> {
    let mut bytes = vec![0; PADDED / 128 * 127];
    let mut index = Vec::new();
    let len = SEGMENT / 128 * 127;
    for (number, segment) in (0..segments).zip(bytes.chunks_mut(len)) {
        segment.iter_mut().zip(0_u32..).for_each(|(byte, at)| *byte = (at.wrapping_mul(31) ^ number).to_le_bytes()[0]);
        segment[..4].copy_from_slice(&number.to_le_bytes());
        let piece = Commitment::of("a segment", &*segment).unwrap();
        let offset = u64::from(number) * SEGMENT as u64;
        let mut entry = [&piece.root()[..], &offset.to_le_bytes(), &(SEGMENT as u64).to_le_bytes(), &[0; 16]].concat();
        let sum = Sha256::digest(&entry);
        entry[48..].copy_from_slice(&sum[..16]);
        entry[63] &= 0x3f;
        index.extend(entry);
    }
    let size = (PADDED / 2048 / 64).next_power_of_two() * 64;
    index.resize(size, 0);
    let at = bytes.len() - size / 128 * 127;
    let place = &mut bytes[at..];
    for bit in 0..place.len() * 8 {
        let from = bit / 254 * 256 + bit % 254;
        place[bit / 8] |= (index[from / 8] >> (from % 8) & 1) << (bit % 8);
    }
    bytes
}
