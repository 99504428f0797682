//! Paths of a store, and its directories: listed in order, made once, synced.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::Builder;

use super::at;
use crate::DataError;
use bacalhau_files::private;

/// The directories of a store.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    dir: PathBuf,
}

impl Layout {
    /// Creates missing directories.
    pub(super) fn make(dir: &Path) -> Result<Self, DataError> {
        let layout = Self { dir: dir.into() };
        let dirs = [layout.packs(), layout.open_packs_dir(), layout.pins(), layout.leases()];
        for dir in &dirs {
            private::create_dir_all(dir).map_err(|error| at("make the directory", dir, error))?;
        }
        sync(dir)?;
        Ok(layout)
    }

    /// The store directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Directory of finished packs.
    pub(super) fn packs(&self) -> PathBuf {
        self.dir.join("packs")
    }

    /// Packs that are being written.
    pub(super) fn open_packs_dir(&self) -> PathBuf {
        self.dir.join("drafts")
    }

    /// Directory of pins.
    pub(super) fn pins(&self) -> PathBuf {
        self.dir.join("pins")
    }

    /// Directory of leases.
    pub(super) fn leases(&self) -> PathBuf {
        self.dir.join("claims")
    }

    /// The lock file.
    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// The pack `id`.
    pub(super) fn pack(&self, id: &str) -> PathBuf {
        self.packs().join(format!("{id}.car"))
    }

    /// The index of the pack `id`.
    pub(super) fn index(&self, id: &str) -> PathBuf {
        self.packs().join(format!("{id}.idx"))
    }

    /// Known damage of the pack `id`.
    pub(super) fn damage(&self, id: &str) -> PathBuf {
        self.packs().join(format!("{id}.bad"))
    }

    /// All open packs.
    pub(super) fn open_packs(&self) -> Result<Vec<PathBuf>, DataError> {
        list(&self.open_packs_dir())
    }

    /// Bytes of all packs, indexes and open packs.
    pub(super) fn usage(&self) -> Result<u64, DataError> {
        let mut bytes = 0;
        for path in list(&self.packs())?.into_iter().chain(self.open_packs()?) {
            match fs::metadata(&path) {
                Ok(metadata) => bytes += metadata.len(),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(at("look at", &path, error)),
            }
        }
        Ok(bytes)
    }
}

/// The entries of `dir`, sorted.
pub(super) fn list(dir: &Path) -> Result<Vec<PathBuf>, DataError> {
    let paths = fs::read_dir(dir).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>());
    let mut paths: Vec<_> = paths.map_err(|error| at("list", dir, error))?;
    paths.sort_unstable();
    Ok(paths)
}

/// The name of the file at `path`, if it has this extension.
pub(super) fn stem<'a>(path: &'a Path, extension: &str) -> Option<&'a str> {
    path.file_name()?.to_str()?.strip_suffix(extension)
}

/// Creates a unique file named by `age`, which orders packs.
pub(super) fn create(dir: &Path, age: &str, suffix: &str) -> Result<(File, PathBuf), DataError> {
    let file = Builder::new().prefix(&format!("{age}-")).suffix(suffix).rand_bytes(10).tempfile_in(dir);
    let file = file.map_err(|error| at("make a file in", dir, error))?;
    file.keep().map_err(|error| at("make a file in", dir, error.error))
}

/// The current age; sorts by time.
pub(super) fn now() -> String {
    let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:016x}", age.as_nanos())
}

/// Syncs the entries of `dir` to disk.
pub(super) fn sync(dir: &Path) -> Result<(), DataError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| at("sync", dir, error))
}
