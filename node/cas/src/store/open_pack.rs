//! A pack that is being written: readable from its first block on in this process, and a pack once it is finished.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use bytes::Bytes;
use rustix::io::pwritev;

use super::layout::{Layout, create, stem};
use super::lock::try_lock;
use super::pack::Pack;
use super::{Lock, at, lock, remove};
use crate::car::{CarFile, Depth, Entry, Key, header_bytes, put_head, scan, write_section};
use crate::{Block, Cid, DataError};

/// An open pack. Its file is deleted with it, unless it was finished.
#[derive(Debug)]
pub(super) struct OpenPack {
    id: String,
    path: PathBuf,
    name: String,
    file: File,
    /// Start of the next section. Later bytes are the rest of a failed write.
    end: Mutex<u64>,
    entries: RwLock<HashMap<Key, Entry>>,
    finished: AtomicBool,
}

impl OpenPack {
    /// Creates an open pack. Processes that adopt abandoned ones cannot see it before it is locked, because the caller
    /// holds the store lock.
    pub(super) fn create(layout: &Layout, age: &str, _: &Lock) -> Result<Self, DataError> {
        let (file, path) = create(&layout.open_packs_dir(), age, ".car")?;
        let open_pack = Self::new(file, path, HashMap::new(), 0);
        try_lock(&open_pack.file, &open_pack.path)?;
        let header = header_bytes(&[]);
        open_pack.write(0, &header, &[])?;
        *lock(&open_pack.end) = header.len() as u64;
        Ok(open_pack)
    }

    /// The abandoned open pack at `path`, up to its last valid block; `None` while its writer lives.
    pub(super) fn of_the_dead(path: &Path) -> Result<Option<Self>, DataError> {
        let Ok(file) = File::options().read(true).write(true).open(path) else { return Ok(None) };
        if !try_lock(&file, path)? {
            return Ok(None);
        }
        let open_pack = Self::new(file, path.into(), HashMap::new(), 0);
        let scanned = match scan(&open_pack.name, &open_pack.file, Depth::Bytes) {
            Ok(scanned) => scanned,
            Err(error @ DataError::Io { .. }) => return open_pack.left(error),
            Err(_) => return Ok(Some(open_pack)),
        };
        if let Some(error @ DataError::Io { .. }) = scanned.stop {
            return open_pack.left(error);
        }
        *lock(&open_pack.end) = scanned.end;
        *open_pack.entries.write().unwrap_or_else(PoisonError::into_inner) =
            scanned.entries.into_iter().map(|entry| (entry.key, entry)).collect();
        Ok(Some(open_pack))
    }

    fn new(file: File, path: PathBuf, entries: HashMap<Key, Entry>, end: u64) -> Self {
        let id = stem(&path, ".car").unwrap_or("0-unnamed").to_owned();
        let name = format!("archive {}", path.display());
        let (end, entries) = (Mutex::new(end), RwLock::new(entries));
        Self { id, path, name, file, end, entries, finished: AtomicBool::new(false) }
    }

    /// A read error may be temporary.
    fn left<T>(self, error: DataError) -> Result<T, DataError> {
        self.finished.store(true, Ordering::Relaxed);
        Err(error)
    }

    /// Its name without extension.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Bytes of its file.
    pub(super) fn len(&self) -> u64 {
        *lock(&self.end)
    }

    /// Bytes that its index will have, and some more.
    pub(super) fn index_len(&self) -> u64 {
        256 + 40 * self.entries.read().unwrap_or_else(PoisonError::into_inner).len() as u64
    }

    /// Whether it has the block of `key`.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.entry(key).is_some()
    }

    /// Bytes of the block of `cid`, if it is here.
    pub(super) fn size_of(&self, cid: &Cid) -> Option<u64> {
        self.entry(&Key::of(cid)).map(|entry| entry.len.into())
    }

    /// The block of `cid`, if it is here.
    pub(super) fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        self.entry(&Key::of(cid)).map_or(Ok(None), |entry| entry.find(cid, &self.name, &self.file))
    }

    fn entry(&self, key: &Key) -> Option<Entry> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Adds a block, unless it is there.
    pub(super) fn append(&self, block: &Block) -> Result<(), DataError> {
        let key = Key::of(block.cid());
        let mut end = lock(&self.end);
        if self.has(&key) {
            return Ok(());
        }
        let mut head = Vec::with_capacity(64);
        let cid_len = put_head(&mut head, block.cid(), block.bytes().len());
        self.write(*end, &head, block.bytes())?;
        let at = *end + (head.len() - cid_len) as u64;
        let entry = Entry::new(block.cid(), at, cid_len, block.bytes().len());
        self.entries.write().unwrap_or_else(PoisonError::into_inner).insert(key, entry);
        *end += (head.len() + block.bytes().len()) as u64;
        Ok(())
    }

    fn write(&self, at: u64, head: &[u8], bytes: &[u8]) -> Result<(), DataError> {
        let mut place = Placed { file: &self.file, at };
        write_section(&mut place, head, bytes).map_err(|error| super::at("write", &self.path, error))
    }

    /// Brings its blocks to the disk.
    pub(super) fn settle(&self) -> Result<(), DataError> {
        let end = lock(&self.end);
        let settle = || {
            if self.file.metadata()?.len() != *end {
                self.file.set_len(*end)?;
            }
            self.file.sync_data()
        };
        settle().map_err(|error| at("write", &self.path, error))
    }

    /// Gives it its place. The caller has settled it before, and syncs the directory afterwards.
    pub(super) fn publish(&self, layout: &Layout, _: &Lock) -> Result<Pack, DataError> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner).values().copied().collect();
        let (path, index) = (layout.pack(&self.id), layout.index(&self.id));
        let file = self.file.try_clone().map_err(|error| at("open", &self.path, error))?;
        let car = CarFile::written(file, &path, index, entries)?;
        fs::rename(&self.path, &path).map_err(|error| at("finish", &self.path, error))?;
        self.finished.store(true, Ordering::Relaxed);
        // Otherwise the lock ends with the last handle, which is harmless.
        let _ = self.file.unlock();
        Ok(Pack::new(layout, &self.id, car, self.len()))
    }

    /// Completes the pack, with exclusive access to the store. `None` if it is empty.
    pub(super) fn finish(self, layout: &Layout, lock: &Lock) -> Result<Option<Pack>, DataError> {
        if self.entries.read().unwrap_or_else(PoisonError::into_inner).is_empty() {
            return Ok(None);
        }
        self.settle()?;
        let pack = self.publish(layout, lock)?;
        super::layout::sync(&layout.packs())?;
        Ok(Some(pack))
    }
}

impl Drop for OpenPack {
    fn drop(&mut self) {
        if !*self.finished.get_mut() {
            // If it stays, it is taken over.
            let _ = remove(&self.path);
        }
    }
}

/// A place in a file, for writing.
struct Placed<'a> {
    file: &'a File,
    at: u64,
}

impl Write for Placed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = pwritev(self.file, slices, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
