//! The index of a piece that was put together of segments (FRC-0058,
//! <https://github.com/filecoin-project/FIPs/blob/master/FRCs/frc-0058.md>). It lies at the end of the piece: entries of
//! 64 bytes after padding, each with the root of a segment, its place, its size, and a checksum. An entry with another
//! checksum is unused.

use std::io;

use bacalhau_tree::ReadAt;
use sha2::{Digest, Sha256};

use super::Commitment;
use super::fr32::{self, PADDED_QUAD_BYTES, QUAD_BYTES};
use super::tree::Node;
use crate::DataError;

/// Bytes of an entry, padded.
const ENTRY_BYTES: u64 = 64;
/// Bytes of a piece for each byte of its index.
const BYTES_PER_INDEX_BYTE: u64 = 2048;
/// Fewest entries of an index.
const MIN_ENTRIES: u64 = 4;
/// Most entries that are read: those of a piece of 128 GiB, twice the largest sector.
const MAX_ENTRIES: u64 = 1 << 20;
/// Bytes of a checksum.
const CHECKSUM_BYTES: usize = 16;
/// Quads that are read at once.
const READ_QUADS: usize = 1024;
/// Bytes of a leaf.
const LEAF_BYTES: u64 = 32;

/// A segment, by its entry. Whether its bytes have this root is not known from the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Root and size. All of the segment counts as payload.
    pub commitment: Commitment,
    /// Where its payload begins in that of the piece.
    pub offset: u64,
}

impl Segment {
    /// The end of the room that it takes of the piece, in bytes of payload.
    fn end(&self) -> u64 {
        self.offset + self.commitment.capacity()
    }
}

/// The segments of `piece` in the order of their places; empty if it has no index. `bytes` are its payload, called `name`
/// in messages.
///
/// # Errors
/// When it cannot be read, or an entry with the right checksum is impossible: outside of the piece, at a place that is no
/// multiple of its size, or in the place of another one.
pub fn segments(name: &str, piece: &Commitment, bytes: &dyn ReadAt) -> Result<Vec<Segment>, DataError> {
    let Some(index) = index_place(piece.padded_size()) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut buffer = vec![0; READ_QUADS * QUAD_BYTES];
    let mut at = payload(index);
    while at < payload(piece.padded_size()) {
        let read =
            bytes.read_at(&mut buffer, at).map_err(|error: io::Error| DataError::io(format!("read {name}"), error))?;
        buffer[read..].fill(0);
        let (quads, _) = buffer.as_chunks::<QUAD_BYTES>();
        for quad in quads.iter().filter(|quad| quad.iter().any(|byte| *byte != 0)) {
            let [a, b, c, d] = fr32::pad(quad);
            for entry in [(a, b), (c, d)] {
                if let Some(segment) =
                    segment(&entry.0, &entry.1, index).map_err(|why| DataError::unusable(name, why))?
                {
                    found.push(segment);
                }
            }
        }
        if read < buffer.len() {
            break;
        }
        at += read as u64;
    }
    found.sort_by_key(|segment| (segment.offset, segment.commitment.capacity(), *segment.commitment.root()));
    found.dedup();
    match found.windows(2).find(|pair| pair[0].end() > pair[1].offset) {
        None => Ok(found),
        Some(pair) => {
            let [one, other] = [&pair[0], &pair[1]].map(|segment| segment.commitment.cid_v1());
            let why = format!("its index has two segments in one place: {one} and {other} at byte {}", pair[1].offset);
            Err(DataError::unusable(name, why))
        }
    }
}

/// Where the index of a piece of this padded size begins; `None` where no index fits, or one larger than any sector needs.
fn index_place(padded_size: u64) -> Option<u64> {
    let entries = (padded_size / BYTES_PER_INDEX_BYTE / ENTRY_BYTES).max(MIN_ENTRIES);
    let size = entries * ENTRY_BYTES;
    (entries <= MAX_ENTRIES && size < padded_size).then(|| padded_size - size)
}

/// Bytes of payload in so many padded ones, a multiple of those of a quad.
fn payload(padded: u64) -> u64 {
    padded / PADDED_QUAD_BYTES * QUAD_BYTES as u64
}

/// The segment of an entry; `None` if the entry is unused.
fn segment(root: &Node, rest: &Node, index: u64) -> Result<Option<Segment>, String> {
    let ([offset, size, ..], _) = rest.as_chunks() else { return Ok(None) };
    let (offset, size) = (u64::from_le_bytes(*offset), u64::from_le_bytes(*size));
    if checksum(root, rest) != rest[32 - CHECKSUM_BYTES..] {
        return Ok(None);
    }
    let wrong = |why: &str| format!("its index names a segment of {size} bytes at byte {offset}, {why}");
    let room = size.checked_next_power_of_two().filter(|_| size >= PADDED_QUAD_BYTES && size.is_multiple_of(128));
    let room = room.ok_or_else(|| wrong("which is not a size of a segment"))?;
    if offset.checked_add(room).is_none_or(|end| end > index) {
        return Err(wrong(&format!("and segments end before byte {index}")));
    }
    if !offset.is_multiple_of(room) {
        return Err(wrong("which is not a multiple of its size"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 63")]
    let height = (room / LEAF_BYTES).trailing_zeros() as u8;
    let commitment = Commitment::new(*root, height, payload(size)).map_err(|error| wrong(&error.to_string()))?;
    Ok(Some(Segment { commitment, offset: payload(offset) }))
}

/// The checksum of an entry: of all but itself, in 126 bits.
fn checksum(root: &Node, rest: &Node) -> [u8; CHECKSUM_BYTES] {
    let digest =
        Sha256::new().chain_update(root).chain_update(&rest[..16]).chain_update([0; CHECKSUM_BYTES]).finalize();
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    sum[CHECKSUM_BYTES - 1] &= 0x3f;
    sum
}

#[cfg(test)]
mod tests;
