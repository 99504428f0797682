//! An archive on disk that is read in place. Its index lies elsewhere, beside the node's own store, is made when there is none
//! that fits, and is made again where it proves to be damaged.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::index::{Index, arrange};
use super::index_file::{self, Stamp};
use super::scan::{Depth, Scan, roots, scan};
use super::{Entry, Key};
use crate::{Block, Cid, DataError, Shelf, identity_bytes};
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

/// What becomes of an archive whose end is torn or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// It is refused as a whole: somebody made it so.
    Refused,
    /// What stands before it is used: it is ours.
    Dropped,
}

impl CarFile {
    /// Opens the archive at `path`. Its index is kept in `index_dir`, under a name that is made of the path, and stands for
    /// the archive as long as its size, time of change and inode are the same; else the archive is scanned.
    ///
    /// # Errors
    /// When it cannot be read, or is no archive from end to end.
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
            return Err(DataError::malformed(path.display().to_string(), "it is no file, and no archive so"));
        }
        let file = File::open(path).map_err(|error| at("open", path, error))?;
        let name = format!("archive {}", path.display());
        let stamp = stamp(&name, &file)?;
        // An archive of our own never changes once it has its name. Where it was copied or damaged, its index still says
        // where its blocks are, which a second look at damaged bytes might not.
        let bound_to = (tail == Tail::Refused).then_some(&stamp);
        let made = match index_file::open(&index_path, bound_to) {
            Some(index) if tail == Tail::Dropped => Made { roots: Vec::new(), index, torn_at: None },
            Some(index) => Made { roots: roots(&name, &file)?, index, torn_at: None },
            None => make_index(&name, &file, &index_path, tail)?,
        };
        let Made { roots, index, torn_at } = made;
        Ok(Self { name, file, index_path, index: RwLock::new(Arc::new(index)), roots, tail, torn_at })
    }

    /// The archive `file` at `path`, which was just written, and of which all entries are known.
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

    /// What the writer of the archive calls the beginnings of its DAGs. They need not be in it.
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

    /// The block of `entry`, checked against the CID that stands before it.
    pub(crate) fn read(&self, entry: &Entry) -> Result<Block, DataError> {
        let (cid, bytes) = self.read_unchecked(entry)?;
        Block::new(cid, bytes)
    }

    /// What is there for `entry`, whatever its hash.
    pub(crate) fn read_unchecked(&self, entry: &Entry) -> Result<(Cid, Bytes), DataError> {
        entry.read_unchecked(&self.name, &self.file)
    }

    /// The block of `cid` at `entry`. `None` if another one is there, whose hash begins alike.
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

impl Shelf for CarFile {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(Some(bytes));
        }
        let mut wrong = None;
        for entry in self.places(&Key::of(cid))? {
            match entry.find(cid, &self.name, &self.file) {
                Ok(None) => {}
                Err(error @ DataError::Corrupt { .. }) => wrong = Some(error),
                found => return found,
            }
        }
        wrong.map_or(Ok(None), Err)
    }

    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        if let Some(bytes) = identity_bytes(cid) {
            return Ok(Some(bytes.len() as u64));
        }
        Ok(self.places(&Key::of(cid))?.first().map(|entry| entry.len.into()))
    }
}

/// As messages say where a block is not.
impl fmt::Debug for CarFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// An index that was just made or opened, and what was learned besides.
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
