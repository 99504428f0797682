//! Bytes with a read position of their own; that of a file is shared between threads.

use std::io::{self, Read, Seek, SeekFrom};

use bacalhau_tree::ReadAt;

/// Bytes with a read position.
pub(super) struct Placed<'a> {
    bytes: &'a dyn ReadAt,
    len: u64,
    at: u64,
}

impl<'a> Placed<'a> {
    /// The first `len` of `bytes`, from their beginning.
    pub(super) fn new(bytes: &'a dyn ReadAt, len: u64) -> Self {
        Self { bytes, len, at: 0 }
    }
}

impl Read for Placed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let count = left.min(bytes.len());
        let got = self.bytes.read_at(&mut bytes[..count], self.at)?;
        self.at += got as u64;
        Ok(got)
    }
}

impl Seek for Placed<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
