//! A range of bytes as if it was the whole. Zeros take the place of bytes that its source lacks: a copy of a piece may lack
//! the zeros at its end.

use std::fmt;
use std::io;
use std::sync::Arc;

use bacalhau_tree::ReadAt;

/// `len` bytes of a source.
#[derive(Clone)]
pub(super) struct Range {
    bytes: Arc<dyn ReadAt>,
    from: u64,
    /// Length in bytes.
    pub(super) len: u64,
}

impl Range {
    /// The `len` bytes of `bytes` from `from` on.
    pub(super) fn new(bytes: Arc<dyn ReadAt>, from: u64, len: u64) -> Self {
        Self { bytes, from, len }
    }
}

impl ReadAt for Range {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buf.len());
        let from = self.from.checked_add(offset).ok_or(io::ErrorKind::InvalidInput)?;
        let read = self.bytes.read_at(&mut buf[..count], from)?;
        buf[read..count].fill(0);
        Ok(count)
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes from byte {} on", self.len, self.from)
    }
}
