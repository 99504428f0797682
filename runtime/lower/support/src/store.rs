//! Growing arrays of records at fixed addresses. Their memory is never given back, only used again.

use crate::cells::{Global, Scratch};
use crate::memory::{grow, load32, store32, trap};

/// Records in a chunk.
const CHUNK: u32 = 256;

/// Chunks of an array.
const CHUNKS: u32 = 256;

/// The most records of an array.
pub(crate) const MAX_RECORDS: u32 = CHUNK * CHUNKS;

/// The first page, which is there at the start: growing has a price.
static FIRST: Scratch<65_536> = Scratch::new();

/// What is left of the page in use.
static FREE: Global<(u32, u32)> = Global::new((0, 0));

/// Zeroed memory that is kept for good, of at most a page.
pub(crate) fn keep(bytes: u32) -> u32 {
    let bytes = bytes.next_multiple_of(8);
    let (mut at, mut left) = FREE.get();
    if left < bytes {
        at = if at == 0 { FIRST.address() } else { grow(65_536) };
        left = 65_536;
    }
    FREE.set((at + bytes, left - bytes));
    at
}

/// An array of records of `BYTES` bytes each, zeroed at first.
pub(crate) struct Array<const BYTES: u32> {
    /// Addresses of the chunks, 0 for one that does not exist.
    chunks: Global<u32>,
}

impl<const BYTES: u32> Array<BYTES> {
    pub(crate) const fn new() -> Self {
        Self { chunks: Global::new(0) }
    }

    /// The address of a record. Traps above [`MAX_RECORDS`].
    pub(crate) fn at(&self, index: u32) -> u32 {
        if index >= MAX_RECORDS {
            trap();
        }
        if self.chunks.get() == 0 {
            self.chunks.set(keep(4 * CHUNKS));
        }
        let slot = self.chunks.get() + 4 * (index / CHUNK);
        if load32(slot) == 0 {
            store32(slot, keep(BYTES * CHUNK));
        }
        load32(slot) + BYTES * (index % CHUNK)
    }
}
