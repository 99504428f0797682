//! Temporary files and directories with a recognizable owner: their process holds a lock. They are removed on drop and
//! on interruption. Leftovers of killed processes have no lock, and are removed by the next process that creates one in
//! the same directory, or sweeps it at its start.
//!
//! A file system without locks keeps leftovers, because their owner cannot be determined.
//!
//! The parent may be shared, such as /tmp. So directories are accessible only to their user, and entries that another
//! user owns or can write are not removed: links could be placed in them during removal.

mod scrub;
mod sweep;

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, flock};
use tempfile::{Builder, TempPath};

pub use scrub::scrub;
pub use sweep::sweep;

/// How the names of all of them begin.
pub const PREFIX: &str = ".bacalhau-tmp-";
/// Mode of the directories.
const PRIVATE: u32 = 0o700;
/// Random characters behind that.
const RANDOM: usize = 12;
/// How often one is made anew because it was swept before it was locked.
const TRIES: u32 = 100;

/// All of this process.
static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A temporary directory.
#[derive(Debug)]
pub struct TempDir {
    // Removed before the lock is released.
    dir: tempfile::TempDir,
    _owned: Owned,
}

/// A temporary file, open for reading and writing.
#[derive(Debug)]
pub struct TempFile {
    path: TempPath,
    file: File,
    _owned: Owned,
}

/// The lock that marks ownership: of a file on its own handle, of a directory on this one.
#[derive(Debug)]
struct Owned {
    path: PathBuf,
    _lock: Option<File>,
}

/// Makes a directory in `parent`. Sweeps `parent` the first time.
///
/// # Errors
/// When it cannot be made.
pub fn dir_in(parent: &Path) -> io::Result<TempDir> {
    sweep::once(parent);
    for _ in 0..TRIES {
        let closed = Permissions::from_mode(PRIVATE);
        let dir = Builder::new().prefix(PREFIX).rand_bytes(RANDOM).permissions(closed).tempdir_in(parent)?;
        let Ok(lock) = File::open(dir.path()) else { continue };
        if own(&lock, dir.path())? {
            let owned = Owned::new(dir.path(), Some(lock))?;
            return Ok(TempDir { dir, _owned: owned });
        }
    }
    Err(swept())
}

/// Makes a file in `parent`. Sweeps `parent` the first time.
///
/// # Errors
/// When it cannot be made.
pub fn file_in(parent: &Path) -> io::Result<TempFile> {
    sweep::once(parent);
    for _ in 0..TRIES {
        let (file, path) = Builder::new().prefix(PREFIX).rand_bytes(RANDOM).tempfile_in(parent)?.into_parts();
        if own(&file, &path)? {
            let owned = Owned::new(&path, None)?;
            return Ok(TempFile { path, file, _owned: owned });
        }
    }
    Err(swept())
}

/// Makes a file in `parent` that holds `bytes`, synced to disk: to be put in place by [`TempFile::persist`].
///
/// # Errors
/// When it cannot be made or written.
pub fn written_in(parent: &Path, bytes: &[u8]) -> io::Result<TempFile> {
    let mut file = file_in(parent)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// The paths of all temporary files and directories of this process.
pub fn live() -> Vec<PathBuf> {
    registry().iter().cloned().collect()
}

impl TempDir {
    /// The path.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl TempFile {
    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// The open file, mutable.
    pub fn as_file_mut(&mut self) -> &mut File {
        &mut self.file
    }

    /// Renames it to `target`, replacing an existing file.
    ///
    /// # Errors
    /// When that fails; it is removed then.
    pub fn persist(self, target: &Path) -> io::Result<()> {
        self.path.persist(target).map_err(|error| error.error)
    }

    /// Gives it the name `target`, unless something has that name.
    ///
    /// # Errors
    /// When that fails; it is removed then.
    pub fn persist_noclobber(self, target: &Path) -> io::Result<()> {
        self.path.persist_noclobber(target).map_err(|error| error.error)
    }
}

impl Write for TempFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Owned {
    fn new(path: &Path, lock: Option<File>) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        registry().insert(path.clone());
        Ok(Self { path, _lock: lock })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        registry().remove(&self.path);
    }
}

fn registry() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks the new entry at `path`. Returns false if another process has swept it meanwhile.
fn own(file: &File, path: &Path) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => is_at(file, path),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        // Without locks there are no sweeps either.
        Err(_) => Ok(true),
    }
}

/// Whether `file` is the one at `path`.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let opened = file.metadata()?;
    match path.symlink_metadata() {
        Ok(found) => Ok((found.dev(), found.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn swept() -> io::Error {
    io::Error::other(format!("it was removed by another process each of {TRIES} times"))
}

#[cfg(test)]
mod tests;
