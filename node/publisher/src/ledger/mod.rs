//! Ledger of asynchronous publications: deals being sealed, pins being made. Each is a file, written atomically, so
//! that it continues after a crash. All processes of a data directory can read it; one at a time drives it. Publishers
//! decide the steps.

mod change_notifier;
mod driver;
mod entry;
mod step_error;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bacalhau_tree::HostFailure;

pub(crate) use driver::now_ms;
pub use driver::{Driver, Next, PublicationTask, PublicationTasks};
pub use entry::{Entry, PublisherState};
pub use step_error::StepError;

use bacalhau_files::{
    private,
    temporary::{self, TempFile},
};
use bacalhau_job::ExecutionId;
use change_notifier::ChangeNotifier;

/// Directory of ended entries.
const ENDED: &str = "ended";
/// Suffix of entry files.
const JSON: &str = ".json";
/// Prefix of draft files of an earlier version.
const DRAFT: &str = ".draft-";

/// The entries of a data directory. Clones share change notifications; another ledger of the same directory notices
/// changes by polling.
#[derive(Clone, Debug)]
pub struct Ledger {
    dir: PathBuf,
    changes: Arc<ChangeNotifier>,
}

/// Content of a ledger.
#[derive(Debug, Default)]
pub struct Listing {
    /// The entries by name, open ones first.
    pub entries: Vec<Entry>,
    /// Files that are not entries of this version.
    pub damaged: Vec<HostFailure>,
}

impl Ledger {
    /// The ledger in `dir`, which is created if absent.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn open(dir: PathBuf) -> Result<Self, HostFailure> {
        let ended = dir.join(ENDED);
        private::create_dir_all(&ended).map_err(|error| HostFailure::at("create the directory", &ended, error))?;
        Ok(Self { dir, changes: Arc::default() })
    }

    /// Adds an entry. An existing entry is kept and returned.
    ///
    /// # Errors
    /// When it cannot be written, or the existing entry cannot be read.
    pub fn begin(&self, entry: Entry) -> Result<Entry, HostFailure> {
        let (name, path) = (entry.name(), self.path(&entry.name()));
        if let Some(known) = self.get(&name)? {
            return Ok(known);
        }
        let failed = |error| HostFailure::at("write", &path, error);
        match self.draft(&entry).map_err(failed)?.persist_noclobber(&path) {
            Ok(()) => sync(&self.dir).map_err(failed)?,
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Ok(self.get(&name)?.unwrap_or(entry));
            }
            Err(error) => return Err(failed(error)),
        }
        self.changes.notify();
        Ok(entry)
    }

    /// The entry with this name, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or is not of this version.
    pub fn get(&self, name: &str) -> Result<Option<Entry>, HostFailure> {
        // In this order, because an ended entry is written to its second place before it leaves the first.
        for path in [self.path(name), self.ended_path(name)] {
            if let Some(entry) = read(&path)? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The readable entries of an execution, sorted by publisher.
    pub fn of(&self, execution: ExecutionId) -> Vec<Entry> {
        let publishers = [PublisherState::ESTUARY, PublisherState::FILECOIN, PublisherState::PDP];
        publishers.into_iter().filter_map(|publisher| self.find(publisher, execution)).collect()
    }

    /// The entry of an execution with a publisher.
    pub(crate) fn find(&self, publisher: &str, execution: ExecutionId) -> Option<Entry> {
        self.get(&entry::name(publisher, execution)).ok()?
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

    /// Number of changes in this process. Read it before the state, and pass it to [`wait`](Self::wait).
    pub fn changes(&self) -> u64 {
        self.changes.count()
    }

    /// Waits until there are more than `since` changes in this process, for at most `time`.
    pub fn wait(&self, since: u64, time: Duration) {
        self.changes.wait(since, time);
    }

    /// Files of ended entries and abandoned drafts, which may be deleted when old.
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

    /// Deletes files from [`past`](Self::past).
    ///
    /// # Errors
    /// When one cannot be deleted.
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

    /// Replaces an entry atomically.
    ///
    /// # Errors
    /// When that fails; the old entry remains.
    pub(super) fn put(&self, entry: &Entry) -> Result<(), HostFailure> {
        let open = self.path(&entry.name());
        let write = || -> io::Result<()> {
            let draft = self.draft(entry)?;
            if entry.ended {
                draft.persist(&self.ended_path(&entry.name()))?;
                sync(&self.dir.join(ENDED))?;
                // After a crash between these two, the entry is in both places; the first counts, and it ends again.
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
        self.changes.notify();
        Ok(())
    }

    /// Names of open entries of `publisher`.
    fn open_names(&self, publisher: &str) -> Result<Vec<String>, HostFailure> {
        let is_of = |name: &String| name.strip_prefix(publisher).is_some_and(|rest| rest.starts_with('-'));
        Ok(names(&self.dir)?.into_iter().filter(is_of).collect())
    }

    fn draft(&self, entry: &Entry) -> io::Result<TempFile> {
        temporary::written_in(&self.dir, &serde_json::to_vec_pretty(entry)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{JSON}"))
    }

    fn ended_path(&self, name: &str) -> PathBuf {
        self.dir.join(ENDED).join(format!("{name}{JSON}"))
    }

    /// Lock file of the process that drives `publisher`.
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
        HostFailure::new(format!("{path} is not a publication of this version ({error}): move it away"))
    };
    serde_json::from_slice(&bytes).map(Some).map_err(wrong)
}

/// Syncs the directory `dir` to disk.
fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
