//! Filecoin piece commitments: the Merkle root of data padded to a power of two, and its two CIDs. Computed while bytes
//! pass by, on all threads and in bounded memory.
//!
//! The rules are those of sectors: `fr32` pads 127 bytes to 128, so that each 32 bytes are below the modulus of the
//! proof field; `tree` hashes pairs with SHA-256, with the two highest bits cleared; zeros fill up to a power of two
//! (<https://spec.filecoin.io/#section-systems.filecoin_files.piece>). `cid` has the CIDs.
//!
//! A piece is read by parts: `layer` keeps the nodes above each part, `checked` compares what is read with them, and
//! `aggregate` finds the segments of a piece that has an index. `input` makes a tree of files of a piece.

mod aggregate;
mod car;
mod checked;
mod cid;
mod commitment;
mod fr32;
mod input;
mod layer;
#[cfg(test)]
mod tests;
mod tree;
mod writer;

pub use aggregate::{Segment, segments};
pub use checked::CheckedPiece;
pub use cid::{is_piece_v1, is_piece_v2};
pub use commitment::{COMMON_MIN_BYTES, Commitment};
pub use input::PieceTree;
pub use layer::Layer;
pub use writer::PieceWriter;
