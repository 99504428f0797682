//! What a piece is committed to by: its root, and how many bytes lie below it.

use std::io::{self, Read};

use super::fr32::{PADDED_QUAD_BYTES, QUAD_BYTES};
use super::tree::{MAX_LEVEL, Node, QUAD_LEVEL};
use super::writer::PieceWriter;
use crate::DataError;

/// Fewest bytes that a piece can be made of: fewer fit into half of the smallest piece, and the tools of Filecoin refuse
/// them (`MinPiecePayload` of go-fil-commp-hashhash, `MIN_PAYLOAD_SIZE` of @web3-storage/data-segment).
pub const MIN_PAYLOAD_BYTES: u64 = 65;

/// The commitment to a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment {
    root: Node,
    height: u8,
    payload_size: u64,
}

impl Commitment {
    /// Commits to all that `source`, called `name` in messages, has to give.
    ///
    /// # Errors
    /// When it cannot be read, or gives fewer than [`MIN_PAYLOAD_BYTES`].
    pub fn of(name: &str, source: impl Read) -> Result<Self, DataError> {
        PieceWriter::new(io::sink()).read(name, source)
    }

    /// Takes `root` for that of a tree of 2^`height` leaves, the first `payload_size` bytes of whose payload are no padding.
    ///
    /// # Errors
    /// Says what is impossible about it.
    pub fn new(root: [u8; 32], height: u8, payload_size: u64) -> Result<Self, DataError> {
        let refuse = |why: String| Err(DataError::malformed("a piece commitment", why));
        if !(QUAD_LEVEL..=MAX_LEVEL).contains(&height) {
            return refuse(format!("its tree has {height} levels, and {QUAD_LEVEL} to {MAX_LEVEL} are possible"));
        }
        let commitment = Self { root, height, payload_size };
        if payload_size == 0 || payload_size > commitment.capacity() {
            let capacity = commitment.capacity();
            return refuse(format!("a tree of {height} levels holds 1 to {capacity} bytes, not {payload_size}"));
        }
        if root[31] > 0x3f {
            return refuse("its root has more than 254 bits".into());
        }
        Ok(commitment)
    }

    /// Hash above everything.
    pub fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// Levels of the tree above its leaves of 32 bytes.
    pub fn height(&self) -> u8 {
        self.height
    }

    /// Bytes that were committed to.
    pub fn payload_size(&self) -> u64 {
        self.payload_size
    }

    /// Bytes that the piece takes of a sector: a power of two. Deals, `DataCap` and prices count these.
    pub fn padded_size(&self) -> u64 {
        PADDED_QUAD_BYTES << (self.height - QUAD_LEVEL)
    }

    /// Bytes of payload that there is room for.
    pub(super) fn capacity(&self) -> u64 {
        (QUAD_BYTES as u64) << (self.height - QUAD_LEVEL)
    }
}
