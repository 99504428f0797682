//! The guest's linear memory during one call: bounds-checked, little-endian. A pointer outside of it is `EFAULT`.

use crate::vfs::errno::Errno;

/// Bytes of `{pointer, length}`, preview 1's `iovec`.
pub(super) const IOVEC_BYTES: u32 = 8;

/// All bytes of the memory.
#[derive(Debug)]
pub(super) struct Memory<'a>(pub(super) &'a mut [u8]);

impl Memory<'_> {
    pub(super) fn bytes(&self, at: u32, length: u32) -> Result<&[u8], Errno> {
        let at = at as usize;
        at.checked_add(length as usize).and_then(|end| self.0.get(at..end)).ok_or(Errno::Fault)
    }

    pub(super) fn bytes_mut(&mut self, at: u32, length: u32) -> Result<&mut [u8], Errno> {
        let at = at as usize;
        at.checked_add(length as usize).and_then(|end| self.0.get_mut(at..end)).ok_or(Errno::Fault)
    }

    /// A path or name. Paths are UTF-8 here, as everywhere in WASI.
    pub(super) fn text(&self, at: u32, length: u32) -> Result<&str, Errno> {
        str::from_utf8(self.bytes(at, length)?).map_err(|_| Errno::Ilseq)
    }

    pub(super) fn u16(&self, at: u32) -> Result<u16, Errno> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&self, at: u32) -> Result<u32, Errno> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&self, at: u32) -> Result<u64, Errno> {
        self.array(at).map(u64::from_le_bytes)
    }

    pub(super) fn u8(&self, at: u32) -> Result<u8, Errno> {
        self.array(at).map(u8::from_le_bytes)
    }

    pub(super) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Errno> {
        let length = u32::try_from(bytes.len()).map_err(|_| Errno::Fault)?;
        self.bytes_mut(at, length)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn write_u32(&mut self, at: u32, value: u32) -> Result<(), Errno> {
        self.write(at, &value.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, at: u32, value: u64) -> Result<(), Errno> {
        self.write(at, &value.to_le_bytes())
    }

    /// Element `index` of an array of `iovec`.
    pub(super) fn iovec(&self, at: u32, index: u32) -> Result<(u32, u32), Errno> {
        let at = index.checked_mul(IOVEC_BYTES).and_then(|offset| at.checked_add(offset)).ok_or(Errno::Fault)?;
        Ok((self.u32(at)?, self.u32(at.checked_add(4).ok_or(Errno::Fault)?)?))
    }

    fn array<const N: usize>(&self, at: u32) -> Result<[u8; N], Errno> {
        let at = at as usize;
        self.0.get(at..).and_then(|bytes| bytes.first_chunk::<N>()).copied().ok_or(Errno::Fault)
    }
}
