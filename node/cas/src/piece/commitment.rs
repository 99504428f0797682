//! A piece commitment: its root, and the number of bytes below it.

use std::io::{self, Read};

use super::fr32::{PADDED_QUAD_BYTES, QUAD_BYTES};
use super::tree::{MAX_LEVEL, Node, QUAD_LEVEL};
use super::writer::PieceWriter;
use crate::DataError;

/// Fewest bytes of a piece that the tools of Filecoin accept, such as Curio (`PieceSizeMinLimit`) and synapse
/// (`MIN_UPLOAD_SIZE`). FRC-0069 has a CID for fewer as well: they are padded to this many.
pub const COMMON_MIN_BYTES: u64 = 127;

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
    /// When it cannot be read.
    pub fn of(name: &str, source: impl Read) -> Result<Self, DataError> {
        PieceWriter::new(io::sink()).read(name, source)
    }

    /// A commitment with the `root` of a tree of 2^`height` leaves, whose first `payload_size` payload bytes are not
    /// padding.
    ///
    /// # Errors
    /// When the numbers are impossible.
    pub fn new(root: [u8; 32], height: u8, payload_size: u64) -> Result<Self, DataError> {
        let refuse = |why: String| Err(DataError::malformed("a piece commitment", why));
        if !(QUAD_LEVEL..=MAX_LEVEL).contains(&height) {
            return refuse(format!("its tree has {height} levels, and {QUAD_LEVEL} to {MAX_LEVEL} are possible"));
        }
        let commitment = Self { root, height, payload_size };
        // Without data a piece is one quad of zeros.
        let least = u64::from(height > QUAD_LEVEL);
        if !(least..=commitment.capacity()).contains(&payload_size) {
            let capacity = commitment.capacity();
            return refuse(format!("a tree of {height} levels holds {least} to {capacity} bytes, not {payload_size}"));
        }
        if root[31] > 0x3f {
            return refuse("its root has more than 254 bits".into());
        }
        Ok(commitment)
    }

    /// The root hash.
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
