//! An archive within a larger whole, such as a piece: read in place from anything that is read at a position. Its index is
//! a file, which is made where there is none.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bacalhau_tree::ReadAt;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::entry::find_among;
use super::index::{Index, arrange};
use super::index_file::{self, Stamp};
use super::placed::Placed;
use super::scan::{Depth, Scan, scan_part};
use super::{CarReader, Key};
use crate::{Cid, DataError, LocalBlockstore, identity_bytes};

/// An archive in a range of bytes.
pub struct CarPart {
    name: String,
    blocks: Arc<dyn ReadAt>,
    scanned: Arc<dyn ReadAt>,
    len: u64,
    index_path: PathBuf,
    stamp: Stamp,
    index: RwLock<Arc<Index>>,
}

impl CarPart {
    /// Opens the archive of `len` bytes, called `name` in messages. Its index at `index_path` is used if it was made for the
    /// same `content`, a text that is equal for equal bytes only; otherwise it is made from `scanned`, of which the caller
    /// knows that it is that content. `blocks` are the same bytes; each block that is read from there is checked.
    ///
    /// # Errors
    /// When the bytes cannot be read, or are not a valid archive to their end.
    pub fn open(
        name: String,
        blocks: Arc<dyn ReadAt>,
        scanned: Arc<dyn ReadAt>,
        len: u64,
        index_path: &Path,
        content: &str,
    ) -> Result<Self, DataError> {
        let stamp = Stamp::of_content(&Sha256::digest(content).into());
        let index = match index_file::open(index_path, Some(&stamp)) {
            Some(index) => index,
            None => make(&name, &*scanned, len, index_path, &stamp)?,
        };
        let index = RwLock::new(Arc::new(index));
        Ok(Self { name, blocks, scanned, len, index_path: index_path.into(), stamp, index })
    }

    fn index(&self) -> Arc<Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the index, which is made again if it is damaged.
    fn look<T>(&self, at: impl Fn(&Index) -> io::Result<T>) -> Result<T, DataError> {
        if let Ok(found) = at(&self.index()) {
            return Ok(found);
        }
        let made = Arc::new(make(&self.name, &*self.scanned, self.len, &self.index_path, &self.stamp)?);
        self.index.write().unwrap_or_else(PoisonError::into_inner).clone_from(&made);
        at(&made).map_err(|error| DataError::io(format!("read {}", self.index_path.display()), error))
    }
}

/// The roots of the archive that `bytes`, called `name` in messages, begin with; `None` if they do not begin with one.
///
/// # Errors
/// When they cannot be read.
pub fn roots_of(name: &str, bytes: &dyn ReadAt, len: u64) -> Result<Option<Vec<Cid>>, DataError> {
    match CarReader::new(name, Placed::new(bytes, len)) {
        Ok(reader) => Ok(Some(reader.roots().to_vec())),
        Err(error @ DataError::Io { .. }) => Err(error),
        Err(_) => Ok(None),
    }
}

fn make(name: &str, bytes: &dyn ReadAt, len: u64, path: &Path, stamp: &Stamp) -> Result<Index, DataError> {
    let Scan { mut entries, stop, .. } = scan_part(name, bytes, len, Depth::Heads)?;
    if let Some(error) = stop {
        return Err(error);
    }
    let failed = |error| DataError::io(format!("write the index {}", path.display()), error);
    let bits = arrange(&mut entries, name)?;
    index_file::write(path, stamp, bits, &entries).map_err(failed)?;
    index_file::open(path, Some(stamp)).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))
}

impl LocalBlockstore for CarPart {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(Some(bytes));
        }
        let key = Key::of(cid);
        let entries = self.look(|index| Ok(index.find(&key)?.to_vec()))?;
        find_among(&entries, |entry| entry.find_in(cid, &self.name, &*self.blocks))
    }

    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(Some(bytes.len() as u64));
        }
        let key = Key::of(cid);
        self.look(|index| Ok(index.find(&key)?.first().map(|entry| entry.len.into())))
    }
}

/// Used in messages about missing blocks.
impl fmt::Debug for CarPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the archive in {}", self.name)
    }
}
