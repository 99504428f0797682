//! An archive on disk, read in place. Its index is stored elsewhere, beside the node's own store; it is created if
//! absent or outdated, and recreated if damaged.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::entry::find_among;
use super::index::{Index, arrange};
use super::index_file::{self, Stamp};
use super::scan::{Depth, Scan, roots, scan};
use super::{Entry, Key};
use crate::{Block, Cid, DataError, LocalBlockstore, identity_bytes};
use bacalhau_files::private;
use bacalhau_values::hex::Hex;

/// An indexed archive.
pub struct CarFile {
    name: String,
    file: File,
    index_path: PathBuf,
    index: RwLock<Arc<Index>>,
    roots: Vec<Cid>,
    tail: Tail,
    /// Where the part begins that could not be read when the index was made.
    torn_at: Option<u64>,
}

/// Handling of an archive with a truncated or damaged end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Reject the archive, because its author made it so.
    Refused,
    /// Use the part before it: an archive of our own.
    Dropped,
}

impl CarFile {
    /// Opens the archive at `path`. Its index in `index_dir`, named by the path, is used while size, modification time
    /// and inode of the archive are unchanged; otherwise the archive is scanned.
    ///
    /// # Errors
    /// When it cannot be read, or is not a valid archive to its end.
    pub fn open(path: &Path, index_dir: &Path) -> Result<Self, DataError> {
        let absolute = fs::canonicalize(path).map_err(|error| at("open", path, error))?;
        let digest = Sha256::digest(absolute.as_os_str().as_encoded_bytes());
        let name = Hex(&digest[..16]);
        private::create_dir_all(index_dir).map_err(|error| at("make the directory", index_dir, error))?;
        Self::open_indexed(&absolute, index_dir.join(format!("{name}.idx")), Tail::Refused)
    }

    /// Opens the archive at `path` with the index at `index_path`.
    pub(crate) fn open_indexed(path: &Path, index_path: PathBuf, tail: Tail) -> Result<Self, DataError> {
        let metadata = fs::metadata(path).map_err(|error| at("open", path, error))?;
        if !metadata.is_file() {
            return Err(DataError::malformed(path.display().to_string(), "it is not a file"));
        }
        let file = File::open(path).map_err(|error| at("open", path, error))?;
        let name = format!("archive {}", path.display());
        let stamp = stamp(&name, &file)?;
        // Our own archives are immutable under their final name. After a copy or damage, the index still has the
        // positions of blocks, which a new scan of damaged bytes might not find.
        let bound_to = (tail == Tail::Refused).then_some(&stamp);
        let made = match index_file::open(&index_path, bound_to) {
            Some(index) if tail == Tail::Dropped => Made { roots: Vec::new(), index, torn_at: None },
            Some(index) => Made { roots: roots(&name, &file)?, index, torn_at: None },
            None => make_index(&name, &file, &index_path, tail)?,
        };
        let Made { roots, index, torn_at } = made;
        Ok(Self { name, file, index_path, index: RwLock::new(Arc::new(index)), roots, tail, torn_at })
    }

    /// The newly written archive `file` at `path`, with known entries.
    pub(crate) fn written(
        file: File,
        path: &Path,
        index_path: PathBuf,
        entries: Vec<Entry>,
    ) -> Result<Self, DataError> {
        let name = format!("archive {}", path.display());
        let index = write_index(&name, &stamp(&name, &file)?, &index_path, entries)?;
        let index = RwLock::new(Arc::new(index));
        Ok(Self { name, file, index_path, index, roots: Vec::new(), tail: Tail::Dropped, torn_at: None })
    }

    /// The roots in the header. They need not be in the archive.
    pub fn roots(&self) -> &[Cid] {
        &self.roots
    }

    /// How many blocks it has, with some that it has several times.
    pub fn blocks(&self) -> usize {
        self.index().len()
    }

    /// All entries, in the order of the archive.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, DataError> {
        let entries = self.index().entries();
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(_) => self.mend()?.entries().map_err(|error| at("read", &self.index_path, error))?,
        };
        entries.sort_unstable_by_key(|entry| entry.at);
        Ok(entries)
    }

    /// Where the part begins that could not be read when it was opened, if there is one.
    pub(crate) fn torn_at(&self) -> Option<u64> {
        self.torn_at
    }

    /// The block of `entry`, verified against the CID before it.
    pub(crate) fn read(&self, entry: &Entry) -> Result<Block, DataError> {
        let (cid, bytes) = self.read_unchecked(entry)?;
        Block::new(cid, bytes)
    }

    /// The bytes at `entry`, unverified.
    pub(crate) fn read_unchecked(&self, entry: &Entry) -> Result<(Cid, Bytes), DataError> {
        entry.read_unchecked(&self.name, &self.file)
    }

    /// The block of `cid` at `entry`. `None` if it is another block with the same key.
    pub(crate) fn find_at(&self, entry: &Entry, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        entry.find(cid, &self.name, &self.file)
    }

    /// The CID at `entry`, where it can be read.
    pub(crate) fn cid_at(&self, entry: &Entry) -> Option<Cid> {
        Entry { len: 0, ..*entry }.read_unchecked(&self.name, &self.file).ok().map(|(cid, _)| cid)
    }

    /// Where the block of `key` is, which may be in several places.
    pub(crate) fn places(&self, key: &Key) -> Result<Vec<Entry>, DataError> {
        if let Ok(entries) = self.index().find(key) {
            return Ok(entries.to_vec());
        }
        let index = self.mend()?;
        let entries = index.find(key).map_err(|error| at("read", &self.index_path, error))?;
        Ok(entries.to_vec())
    }

    fn index(&self) -> Arc<Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the index again.
    fn mend(&self) -> Result<Arc<Index>, DataError> {
        let made = make_index(&self.name, &self.file, &self.index_path, self.tail)?;
        let index = Arc::new(made.index);
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index.clone();
        Ok(index)
    }
}

impl LocalBlockstore for CarFile {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(Some(bytes));
        }
        find_among(&self.places(&Key::of(cid))?, |entry| entry.find(cid, &self.name, &self.file))
    }

    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(Some(bytes.len() as u64));
        }
        Ok(self.places(&Key::of(cid))?.first().map(|entry| entry.len.into()))
    }
}

/// Used in messages about missing blocks.
impl fmt::Debug for CarFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A created or opened index, and by-products of a scan.
struct Made {
    roots: Vec<Cid>,
    index: Index,
    torn_at: Option<u64>,
}

fn make_index(name: &str, file: &File, path: &Path, tail: Tail) -> Result<Made, DataError> {
    let before = stamp(name, file)?;
    let Scan { roots, entries, end, stop } = scan(name, file, Depth::Heads)?;
    let torn_at = stop.is_some().then_some(end);
    if let Some(error) = stop.filter(|_| tail == Tail::Refused) {
        return Err(error);
    }
    if stamp(name, file)? != before {
        return Err(DataError::malformed(name, "it was changed while it was read; try again when it is finished"));
    }
    Ok(Made { roots, index: write_index(name, &before, path, entries)?, torn_at })
}

fn write_index(name: &str, stamp: &Stamp, path: &Path, mut entries: Vec<Entry>) -> Result<Index, DataError> {
    let bits = arrange(&mut entries, name)?;
    index_file::write(path, stamp, bits, &entries).map_err(|error| at("write the index", path, error))?;
    index_file::open(path, Some(stamp)).ok_or_else(|| {
        DataError::malformed(format!("index {}", path.display()), "it was changed as soon as it was written")
    })
}

fn stamp(name: &str, file: &File) -> Result<Stamp, DataError> {
    let metadata = file.metadata().map_err(|error| DataError::io(format!("read {name}"), error))?;
    Ok(Stamp::of(&metadata))
}

fn at(what: &str, path: &Path, error: std::io::Error) -> DataError {
    DataError::io(format!("{what} {}", path.display()), error)
}
