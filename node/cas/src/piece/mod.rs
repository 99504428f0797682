//! Piece commitments, by which Filecoin names the bytes that a provider seals: a Merkle root of data, padded to a power of
//! two, and its two CIDs. Bytes are committed to while they pass by, on all threads and in bounded memory; what they
//! are, an archive as a rule, does not matter here.
//!
//! The rules are those of the sector: `fr32` pads 127 bytes to 128, so that no 32 bytes are a number above the modulus
//! of the proofs' field; `tree` hashes pairs by SHA-256 with its two highest bits cleared; zeros fill up to a power of
//! two (<https://spec.filecoin.io/#section-systems.filecoin_files.piece>). The CIDs are those of `cid`.

mod car;
mod cid;
mod commitment;
mod fr32;
#[cfg(test)]
mod tests;
mod tree;
mod writer;

pub use commitment::{Commitment, MIN_PAYLOAD_BYTES};
pub use writer::PieceWriter;
