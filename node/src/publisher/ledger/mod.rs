//! Publications that go on after the job has ended: a deal that is to be sealed, a pin that a service is working on. One
//! file for each, written whole or not at all, so that whoever is killed goes on where it was; readable by any process of
//! this data directory, and driven by one at a time. What is to be done for an entry is its publisher's to know.

mod bell;
mod driver;
mod entry;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::HostFailure;

pub(in crate::publisher) use driver::now_ms;
pub use driver::{Course, Courses, Driver, Next};
pub use entry::{Entry, Matter};

use crate::job::ExecutionId;
use crate::private;
use crate::temporary::{self, TempFile};
use bell::Bell;

/// Where entries are that nothing more is to be done for.
const ENDED: &str = "ended";
/// How the names of files end that are entries.
const JSON: &str = ".json";
/// How the names of files begin that an earlier version was writing when it was killed.
const DRAFT: &str = ".draft-";

/// The entries of a data directory. Clones are the same ledger; another one that is opened hears of changes later.
#[derive(Clone, Debug)]
pub struct Ledger {
    dir: PathBuf,
    bell: Arc<Bell>,
}

/// What is in a ledger.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those for which something is to be done yet come first; each by name.
    pub entries: Vec<Entry>,
    /// Files that are no entries of this version.
    pub damaged: Vec<HostFailure>,
}

impl Ledger {
    /// The ledger in `dir`, an existing or new directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: PathBuf) -> Result<Self, HostFailure> {
        let ended = dir.join(ENDED);
        private::create_dir_all(&ended).map_err(|error| HostFailure::at("make the directory", &ended, error))?;
        Ok(Self { dir, bell: Arc::default() })
    }

    /// Notes that something is to be done. If it was noted before, that stands, with all that became of it.
    ///
    /// # Errors
    /// When it cannot be written, or what was noted before cannot be read.
    pub fn begin(&self, entry: Entry) -> Result<Entry, HostFailure> {
        let (name, path) = (entry.name(), self.path(&entry.name()));
        if let Some(known) = self.get(&name)? {
            return Ok(known);
        }
        let failed = |error| HostFailure::at("write", &path, error);
        match self.draft(&entry).map_err(failed)?.persist_noclobber(&path) {
            Ok(()) => sync(&self.dir).map_err(failed)?,
            // Somebody was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Ok(self.get(&name)?.unwrap_or(entry));
            }
            Err(error) => return Err(failed(error)),
        }
        self.bell.ring();
        Ok(entry)
    }

    /// The entry with this name, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or is none of this version.
    pub fn get(&self, name: &str) -> Result<Option<Entry>, HostFailure> {
        // In this order: an entry gets its second place before it loses its first.
        for path in [self.path(name), self.ended_path(name)] {
            if let Some(entry) = read(&path)? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The entries of an execution that can be read, in the order of their publishers' names.
    pub fn of(&self, execution: ExecutionId) -> Vec<Entry> {
        let names = [Matter::ESTUARY, Matter::FILECOIN].map(|publisher| entry::name(publisher, execution));
        names.iter().filter_map(|name| self.get(name).ok()?).collect()
    }

    /// All entries.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn entries(&self) -> Result<Listing, HostFailure> {
        let open = names(&self.dir)?;
        let ended = names(&self.dir.join(ENDED))?.into_iter().filter(|name| !open.contains(name));
        let mut listing = Listing::default();
        for name in open.iter().cloned().chain(ended) {
            match self.get(&name) {
                Ok(entry) => listing.entries.extend(entry),
                Err(damaged) => listing.damaged.push(damaged),
            }
        }
        Ok(listing)
    }

    /// How often this ledger was changed in this process. Ask before you look, and [`wait`](Self::wait) for more.
    pub fn changes(&self) -> u64 {
        self.bell.rings()
    }

    /// Waits until it was changed in this process more often than `since`, at most for `time`.
    pub fn wait(&self, since: u64, time: Duration) {
        self.bell.wait(since, time);
    }

    /// Files of what has ended, and drafts, which only the dead leave: everything that may be forgotten when it is old.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn past(&self) -> Result<Vec<String>, HostFailure> {
        let mut past = Vec::new();
        for (dir, within, is_past) in [
            (self.dir.join(ENDED), Some(ENDED), (|name| name.ends_with(JSON)) as fn(&str) -> bool),
            (self.dir.clone(), None, |name| name.starts_with(DRAFT)),
        ] {
            let failed = |error| HostFailure::at("list", &dir, error);
            for file in fs::read_dir(&dir).map_err(failed)? {
                let name = file.map_err(failed)?.file_name();
                let name = name.to_str().filter(|name| is_past(name));
                past.extend(name.map(|name| within.map_or(name.into(), |within| format!("{within}/{name}"))));
            }
        }
        Ok(past)
    }

    /// Removes files that [`past`](Self::past) has named.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn forget(&self, past: &[String]) -> Result<(), HostFailure> {
        for name in past {
            let path = self.dir.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(HostFailure::at("remove", &path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes an entry in place of what was known of it: whole, or not at all.
    ///
    /// # Errors
    /// When that fails; what was known before is still known then.
    pub(super) fn put(&self, entry: &Entry) -> Result<(), HostFailure> {
        let open = self.path(&entry.name());
        let write = || -> io::Result<()> {
            let draft = self.draft(entry)?;
            if entry.ended {
                draft.persist(&self.ended_path(&entry.name()))?;
                sync(&self.dir.join(ENDED))?;
                // Whoever dies between these two finds it in both places, and the first counts: it ends once more.
                match fs::remove_file(&open) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            } else {
                draft.persist(&open)?;
            }
            sync(&self.dir)
        };
        write().map_err(|error| HostFailure::at("write", &open, error))?;
        self.bell.ring();
        Ok(())
    }

    /// Names of entries of `publisher` for which something is to be done yet.
    fn open_names(&self, publisher: &str) -> Result<Vec<String>, HostFailure> {
        let is_of = |name: &String| name.strip_prefix(publisher).is_some_and(|rest| rest.starts_with('-'));
        Ok(names(&self.dir)?.into_iter().filter(is_of).collect())
    }

    fn draft(&self, entry: &Entry) -> io::Result<TempFile> {
        let mut file = temporary::file_in(&self.dir)?;
        file.write_all(&serde_json::to_vec_pretty(entry)?)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{JSON}"))
    }

    fn ended_path(&self, name: &str) -> PathBuf {
        self.dir.join(ENDED).join(format!("{name}{JSON}"))
    }

    /// Held by the process that drives the entries of `publisher`.
    fn lock_path(&self, publisher: &str) -> PathBuf {
        self.dir.join(format!("{publisher}.lock"))
    }
}

/// Names of the entries in `dir`, sorted.
fn names(dir: &Path) -> Result<Vec<String>, HostFailure> {
    let failed = |error| HostFailure::at("list", dir, error);
    let mut names = Vec::new();
    for file in fs::read_dir(dir).map_err(failed)? {
        let name = file.map_err(failed)?.file_name();
        names.extend(name.to_str().and_then(|name| name.strip_suffix(JSON)).map(ToOwned::to_owned));
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path) -> Result<Option<Entry>, HostFailure> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(HostFailure::at("read", path, error)),
    };
    let wrong = |error| {
        let path = path.display();
        HostFailure::new(format!("{path} is no publication of this version ({error}): move it away"))
    };
    serde_json::from_slice(&bytes).map(Some).map_err(wrong)
}

/// Has the names in `dir` on disk.
fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
