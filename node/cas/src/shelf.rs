//! Blocks that are at hand, in an archive or in the store: what is not there is not fetched from anywhere.

use std::fmt;

use bytes::Bytes;

use super::{Blocks, Cid, DataError};

/// A set of blocks on this machine.
pub trait Shelf: Send + Sync + fmt::Debug {
    /// The bytes of `cid`, checked against it, or `None` where it is not here. Versions of a CID are one: blocks are
    /// found by their hash.
    ///
    /// # Errors
    /// When it is here and cannot be read, or is not what it should be.
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError>;

    /// Bytes of the block, without reading it.
    ///
    /// # Errors
    /// When the shelf itself cannot be read.
    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError>;

    /// Where there is a copy of the block that is damaged, and therefore does not count. For messages.
    fn damaged_copy(&self, _cid: &Cid) -> Option<String> {
        None
    }
}

impl<S: Shelf + ?Sized> Blocks for S {
    fn get(&self, cid: &Cid) -> Result<Bytes, DataError> {
        self.find(cid)?.ok_or_else(|| {
            let damaged = self.damaged_copy(cid).map(|copy| format!("its copy in {copy}, is damaged"));
            DataError::missing(cid, damaged.unwrap_or_else(|| format!("it is not in {self:?}")))
        })
    }
}
