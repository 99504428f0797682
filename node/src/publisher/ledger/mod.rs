//! Publications that go on after the job has ended: a deal that is to be sealed, a pin that a service is working on. One
//! file for each, written whole or not at all, so that whoever is killed goes on where it was; readable by any process of
//! this data directory, driven by one.

mod driver;
mod entry;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bacalhau_runtime::HostFailure;
use tempfile::NamedTempFile;

pub use driver::{Course, Courses, Driver, Next};
pub use entry::{Entry, Matter};

use crate::job::ExecutionId;

/// Where entries are that nothing more is to be done for.
const ENDED: &str = "ended";
/// Held by the process that drives.
const LOCK: &str = "lock";

/// The entries of a data directory.
#[derive(Clone, Debug)]
pub struct Ledger {
    dir: PathBuf,
}

impl Ledger {
    /// The ledger in `dir`, an existing or new directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: PathBuf) -> Result<Self, HostFailure> {
        let ended = dir.join(ENDED);
        fs::create_dir_all(&ended).map_err(|error| HostFailure::at("make the directory", &ended, error))?;
        Ok(Self { dir })
    }

    /// Notes that something is to be done. If it was noted before, that stands, with all that became of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(&self, entry: Entry) -> Result<Entry, HostFailure> {
        match self.get(&entry.name())? {
            Some(known) => Ok(known),
            None => self.put(&entry).map(|()| entry),
        }
    }

    /// The entry with this name, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or is none of this version.
    pub fn get(&self, name: &str) -> Result<Option<Entry>, HostFailure> {
        for path in [self.path(name, false), self.path(name, true)] {
            match fs::read(&path) {
                Ok(bytes) => return parse(&path, &bytes).map(Some),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(HostFailure::at("read", &path, error)),
            }
        }
        Ok(None)
    }

    /// The entries of an execution, in the order of their publishers' names.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn of(&self, execution: ExecutionId) -> Result<Vec<Entry>, HostFailure> {
        let entries = [Matter::ESTUARY, Matter::FILECOIN].map(|publisher| self.get(&entry::name(publisher, execution)));
        entries.into_iter().filter_map(Result::transpose).collect()
    }

    /// Entries for which something is to be done yet, by name.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn open_entries(&self) -> Result<Vec<Entry>, HostFailure> {
        self.list(&self.dir)
    }

    /// All entries: first those for which something is to be done yet.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, HostFailure> {
        let mut entries = self.open_entries()?;
        entries.extend(self.list(&self.dir.join(ENDED))?);
        Ok(entries)
    }

    fn list(&self, dir: &Path) -> Result<Vec<Entry>, HostFailure> {
        let failed = |error| HostFailure::at("list", dir, error);
        let mut paths = Vec::new();
        for entry in fs::read_dir(dir).map_err(failed)? {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let mut entries = Vec::with_capacity(paths.len());
        for path in paths {
            match fs::read(&path) {
                Ok(bytes) => entries.push(parse(&path, &bytes)?),
                // It has ended meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(HostFailure::at("read", &path, error)),
            }
        }
        Ok(entries)
    }

    /// Writes an entry in place of what was known of it: whole, or not at all.
    ///
    /// # Errors
    /// When that fails; what was known before is still known then.
    pub(super) fn put(&self, entry: &Entry) -> Result<(), HostFailure> {
        let name = entry.name();
        let path = self.path(&name, entry.ended);
        let write = || -> io::Result<()> {
            let mut file = NamedTempFile::new_in(&self.dir)?;
            file.write_all(&serde_json::to_vec_pretty(entry)?)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            if entry.ended {
                // Whoever dies between these two finds it in both places, and the first counts: it ends once more.
                match fs::remove_file(self.path(&name, false)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            fs::File::open(&self.dir)?.sync_all()
        };
        write().map_err(|error| HostFailure::at("write", &path, error))
    }

    fn path(&self, name: &str, ended: bool) -> PathBuf {
        let dir = if ended { self.dir.join(ENDED) } else { self.dir.clone() };
        dir.join(format!("{name}.json"))
    }

    fn lock_path(&self) -> PathBuf {
        self.dir.join(LOCK)
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Entry, HostFailure> {
    let wrong = |error| HostFailure::new(format!("{} is no publication of this version: {error}", path.display()));
    serde_json::from_slice(bytes).map_err(wrong)
}

#[cfg(test)]
mod tests;
