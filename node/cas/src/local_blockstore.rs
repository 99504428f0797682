//! Locally available blocks, in an archive or the store. Nothing is fetched.

use std::fmt;

use bytes::Bytes;

use super::{BlockSource, Cid, DataError};

/// A set of blocks on this machine.
pub trait LocalBlockstore: Send + Sync + fmt::Debug {
    /// The verified bytes of `cid`, or `None` when it is not local. Finds blocks by hash, in all CID versions.
    ///
    /// # Errors
    /// When it is local but unreadable or damaged.
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError>;

    /// Bytes of the block, without reading it.
    ///
    /// # Errors
    /// When the blockstore itself cannot be read.
    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError>;

    /// Where there is a copy of the block that is damaged, and therefore does not count. For messages.
    fn damaged_copy(&self, _cid: &Cid) -> Option<String> {
        None
    }
}

impl<S: LocalBlockstore + ?Sized> BlockSource for S {
    fn get(&self, cid: &Cid) -> Result<Bytes, DataError> {
        self.find(cid)?.ok_or_else(|| {
            let damaged = self.damaged_copy(cid).map(|copy| format!("its copy in {copy}, is damaged"));
            DataError::missing(cid, damaged.unwrap_or_else(|| format!("it is not in {self:?}")))
        })
    }
}
