//! Where in an archive one block is, and how it is read from there.

use std::fs::File;

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

use super::MAX_CID_BYTES;
use crate::{Cid, DataError, MAX_BLOCK_BYTES, check};

/// What blocks are found by: the beginning of their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) [u8; Key::BYTES]);

/// Where a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Which block.
    pub(crate) key: Key,
    /// Where in the archive its CID begins.
    pub(crate) at: u64,
    /// Bytes of the CID.
    pub(crate) cid_len: u32,
    /// Bytes of the block, which come next.
    pub(crate) len: u32,
}

impl Key {
    /// Bytes of one.
    pub(crate) const BYTES: usize = 16;

    /// That of `cid`, in whatever version.
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

    /// That of the block of `cid`. Both lengths are bounded by that of a section.
    pub(crate) fn new(cid: &Cid, at: u64, cid_len: usize, len: usize) -> Self {
        let bounded = |len| u32::try_from(len).unwrap_or(u32::MAX);
        Self { key: Key::of(cid), at, cid_len: bounded(cid_len), len: bounded(len) }
    }

    /// Reads what is there in `file`, which is called `name` in messages. That it is the block which the CID names is not
    /// checked.
    pub(super) fn read_unchecked(&self, name: &str, file: &File) -> Result<(Cid, Bytes), DataError> {
        let damaged = || {
            let at = self.at;
            DataError::malformed(name, format!("at byte {at} is not what its index says; was it changed in use?"))
        };
        let (cid_len, len) = (self.cid_len as usize, self.len as usize);
        if cid_len > MAX_CID_BYTES || len > MAX_BLOCK_BYTES + MAX_CID_BYTES {
            return Err(damaged());
        }
        let mut bytes = Vec::with_capacity(cid_len + len);
        while bytes.len() < cid_len + len {
            let from = self.at.checked_add(bytes.len() as u64).ok_or_else(damaged)?;
            match pread(file, spare_capacity(&mut bytes), from) {
                Ok(0) => return Err(damaged()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(DataError::io(format!("read {name}"), error.into())),
            }
        }
        bytes.truncate(cid_len + len);
        let cid = Cid::try_from(&bytes[..cid_len]).ok().filter(|cid| Key::of(cid) == self.key);
        Ok((cid.ok_or_else(damaged)?, Bytes::from(bytes).slice(cid_len..)))
    }

    /// Reads the block of `cid`, checked. `None` if there is another one, whose hash begins alike.
    pub(crate) fn find(&self, cid: &Cid, name: &str, file: &File) -> Result<Option<Bytes>, DataError> {
        let (found, bytes) = match self.read_unchecked(name, file) {
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
