//! Where in an archive one block is, and how it is read from there.

use std::fs::File;

use bacalhau_tree::ReadAt;
use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

use super::MAX_CID_BYTES;
use crate::{Cid, DataError, MAX_BLOCK_BYTES, check};

/// Index key of a block: the beginning of its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) [u8; Key::BYTES]);

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Key of the block.
    pub(crate) key: Key,
    /// Where in the archive its CID begins.
    pub(crate) at: u64,
    /// Bytes of the CID.
    pub(crate) cid_len: u32,
    /// Bytes of the block, which come next.
    pub(crate) len: u32,
}

impl Key {
    /// Length in bytes.
    pub(crate) const BYTES: usize = 16;

    /// The key of `cid`, equal in all CID versions.
    pub(crate) fn of(cid: &Cid) -> Self {
        let mut key = [0; Self::BYTES];
        let digest = cid.hash().digest();
        let len = digest.len().min(Self::BYTES);
        key[..len].copy_from_slice(&digest[..len]);
        Self(key)
    }

    /// Which of `1 << bits` buckets it is in.
    pub(super) fn bucket(&self, bits: u32) -> usize {
        let Self([a, b, c, d, ..]) = *self;
        // No shift by all of its bits.
        u32::from_be_bytes([a, b, c, d]).checked_shr(32 - bits).unwrap_or(0) as usize
    }
}

/// The block that `read` finds at one of `entries`. An entry with other bytes for it counts only where no other has it.
pub(super) fn find_among(
    entries: &[Entry],
    read: impl Fn(&Entry) -> Result<Option<Bytes>, DataError>,
) -> Result<Option<Bytes>, DataError> {
    let mut wrong = None;
    for entry in entries {
        match read(entry) {
            Ok(None) => {}
            Err(error @ DataError::Corrupt { .. }) => wrong = Some(error),
            found => return found,
        }
    }
    wrong.map_or(Ok(None), Err)
}

impl Entry {
    /// Bytes of one in the file of an index: key, place, lengths.
    pub(super) const BYTES: usize = Key::BYTES + 16;

    /// Appends it as it is in that file.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.0);
        out.extend_from_slice(&self.at.to_le_bytes());
        out.extend_from_slice(&self.cid_len.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
    }

    /// Reads [`BYTES`](Self::BYTES) of that file.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut key = [0; Key::BYTES];
        key.copy_from_slice(&bytes[..Key::BYTES]);
        let mut at = [0; 8];
        at.copy_from_slice(&bytes[Key::BYTES..Key::BYTES + 8]);
        let half = |begin: usize| {
            let mut half = [0; 4];
            half.copy_from_slice(&bytes[begin..begin + 4]);
            u32::from_le_bytes(half)
        };
        Self { key: Key(key), at: u64::from_le_bytes(at), cid_len: half(24), len: half(28) }
    }

    /// The entry of the block of `cid`. Both lengths are bounded by that of a section.
    pub(crate) fn new(cid: &Cid, at: u64, cid_len: usize, len: usize) -> Self {
        let bounded = |len| u32::try_from(len).unwrap_or(u32::MAX);
        Self { key: Key::of(cid), at, cid_len: bounded(cid_len), len: bounded(len) }
    }

    /// Reads the block from `file`, called `name` in messages, without verifying its CID.
    pub(super) fn read_unchecked(&self, name: &str, file: &File) -> Result<(Cid, Bytes), DataError> {
        let total = self.total(name)?;
        let mut bytes = Vec::with_capacity(total);
        while bytes.len() < total {
            let from = self.at.checked_add(bytes.len() as u64).ok_or_else(|| self.damaged(name))?;
            match pread(file, spare_capacity(&mut bytes), from) {
                Ok(0) => return Err(self.damaged(name)),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(DataError::io(format!("read {name}"), error.into())),
            }
        }
        bytes.truncate(total);
        self.apart(bytes).ok_or_else(|| self.damaged(name))
    }

    /// As [`read_unchecked`](Self::read_unchecked), from `source`.
    fn read_unchecked_in(&self, name: &str, source: &dyn ReadAt) -> Result<(Cid, Bytes), DataError> {
        let mut bytes = vec![0; self.total(name)?];
        let read = source.read_at(&mut bytes, self.at).map_err(|error| DataError::io(format!("read {name}"), error))?;
        if read < bytes.len() {
            return Err(self.damaged(name));
        }
        self.apart(bytes).ok_or_else(|| self.damaged(name))
    }

    /// Bytes of the CID and the block, within bounds.
    fn total(&self, name: &str) -> Result<usize, DataError> {
        let (cid_len, len) = (self.cid_len as usize, self.len as usize);
        if cid_len > MAX_CID_BYTES || len > MAX_BLOCK_BYTES + MAX_CID_BYTES {
            return Err(self.damaged(name));
        }
        Ok(cid_len + len)
    }

    /// The CID and the block; `None` if it is another CID than that of the entry.
    fn apart(&self, bytes: Vec<u8>) -> Option<(Cid, Bytes)> {
        let cid_len = self.cid_len as usize;
        let cid = Cid::try_from(&bytes[..cid_len]).ok().filter(|cid| Key::of(cid) == self.key)?;
        Some((cid, Bytes::from(bytes).slice(cid_len..)))
    }

    fn damaged(&self, name: &str) -> DataError {
        let at = self.at;
        DataError::malformed(name, format!("at byte {at} does not match its index; was it changed while in use?"))
    }

    /// Reads and verifies the block of `cid`. `None` if the entry is another block with the same key.
    pub(crate) fn find(&self, cid: &Cid, name: &str, file: &File) -> Result<Option<Bytes>, DataError> {
        self.verified(cid, name, self.read_unchecked(name, file))
    }

    /// As [`find`](Self::find), from `source`.
    pub(super) fn find_in(&self, cid: &Cid, name: &str, source: &dyn ReadAt) -> Result<Option<Bytes>, DataError> {
        self.verified(cid, name, self.read_unchecked_in(name, source))
    }

    fn verified(
        &self,
        cid: &Cid,
        name: &str,
        read: Result<(Cid, Bytes), DataError>,
    ) -> Result<Option<Bytes>, DataError> {
        let (found, bytes) = match read {
            Ok(block) => block,
            Err(error @ DataError::Io { .. }) => return Err(error),
            Err(error) => return Err(DataError::corrupt(cid, error.to_string())),
        };
        if found.hash() != cid.hash() {
            return Ok(None);
        }
        check(cid, &bytes).map_err(|error| match error {
            DataError::Corrupt { .. } => {
                DataError::corrupt(cid, format!("{name} has other bytes for it, at byte {}", self.at))
            }
            error => error,
        })?;
        Ok(Some(bytes))
    }
}
