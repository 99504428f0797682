//! The job store: job records, events, and provider records in one transactional file, so that a node killed at any
//! moment keeps everything it has acknowledged. Blocks of data are in `cas::store`.
//!
//! # Tables
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `schema`, `last_ms` | version of the schema, and latest recorded time |
//! | `jobs` | job | the announced job, immutable |
//! | `shards` | job, shard | record of the shard; only changed shards are written, as a job may have ten thousand |
//! | `summaries` | when the job was made, job | the line of lists, with filter fields |
//! | `unfinished` | job | empty; jobs to resume after a restart |
//! | `events` | job, number from 1 | the event |
//! | `provided` | job | record of the provider |
//! | `outbox` | number | persisted outgoing messages |
//! | `jumps` | Unix milliseconds | advance of the clock between two runs, beyond a day |
//! | `seen` | name | when a file with a retention was first seen |
//! | `sizes` | job | its client, and bytes of all that is stored of it |
//! | `clients` | client | bytes of all that is stored of its jobs |
//!
//! Values are DAG-CBOR. A file of another schema is rejected.
//!
//! # A full disk
//!
//! A failed commit changes nothing, and the next one reopens the file, so the node continues without a restart when
//! there is space.

mod age;
mod batch;
mod copy;
mod error;
mod prune;
mod query;
mod quota;
mod read;
mod summary;
mod tables;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::backends::InMemoryBackend;
use redb::{Builder, Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use tokio::sync::watch;

pub use age::COUNTED_MS;
pub use batch::Batch;
pub use error::StoreError;
pub use prune::Retention;
pub use query::{Cursor, MAX_PAGE, Page, Query};
pub use read::StoredEvent;
pub use summary::JobSummary;

use bacalhau_files::temporary;
use error::Place;

/// The name of the file in a data directory.
pub const FILE_NAME: &str = "jobs.redb";
/// Bytes of the file that are kept in memory.
const CACHE_BYTES: usize = 64 << 20;

/// The jobs of one node.
pub struct JobStore {
    place: Place,
    /// `None` only where the file could not be opened again after it had failed.
    database: RwLock<Option<Database>>,
    commits: watch::Sender<u64>,
}

impl JobStore {
    /// Opens or makes the file at `path`. It belongs to this process until the store is dropped.
    ///
    /// # Errors
    /// When another process has it, it is of another version or damaged, or the disk fails.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let place = Place(Some(path.to_path_buf()));
        if !path.try_exists().map_err(|error| place.explain(error.into()))? {
            make(path).map_err(|error| place.explain(error))?;
        }
        if std::fs::metadata(path).is_ok_and(|found| found.len() == 0) {
            return Err(StoreError::Damaged { place: place.to_string(), why: "it is empty".into() });
        }
        let database = place.open()?;
        Self::with(place, database)
    }

    /// A store in memory.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn in_memory() -> Result<Self, StoreError> {
        let place = Place(None);
        let database = builder().create_with_backend(InMemoryBackend::new());
        let database = database.map_err(|error| place.explain(error.into()))?;
        Self::with(place, database)
    }

    fn with(place: Place, database: Database) -> Result<Self, StoreError> {
        let store = Self { place, database: RwLock::new(Some(database)), commits: watch::Sender::new(0) };
        let version = store.write(tables::make)?;
        if version == tables::SCHEMA { Ok(store) } else { Err(store.place.of_version(version)) }
    }

    /// Commits all of `batch`, or nothing. It is on disk when this returns.
    ///
    /// # Errors
    /// When the disk is full or fails. The store is unchanged and remains usable.
    pub fn commit(&self, batch: &Batch<'_>) -> Result<(), StoreError> {
        self.write(|transaction| batch.apply(transaction))?;
        self.commits.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Notes that it is `now_ms`, for [`last_ms`](Self::last_ms).
    ///
    /// # Errors
    /// When the disk fails.
    pub fn touch(&self, now_ms: u64) -> Result<(), StoreError> {
        self.write(|transaction| Batch { now_ms, ..Batch::default() }.apply(transaction))
    }

    /// Changes with every commit, for followers of events.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    fn read<T>(&self, read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        self.with_database(|database| read(&database.begin_read()?))
    }

    fn write<T>(&self, write: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        self.with_database(|database| {
            let transaction = database.begin_write()?;
            let done = write(&transaction)?;
            transaction.commit()?;
            Ok(done)
        })
    }

    fn with_database<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        if self.database.read().unwrap_or_else(PoisonError::into_inner).is_none() {
            self.open_again()?;
        }
        let guard = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let done = guard.as_ref().map_or(Err(redb::Error::DatabaseClosed), work);
        drop(guard);
        done.map_err(|error| {
            // After a disk failure, redb needs to be reopened.
            if matches!(error, redb::Error::Io(_) | redb::Error::PreviousIo) {
                self.open_again().unwrap_or_default();
            }
            self.place.explain(error)
        })
    }

    fn open_again(&self) -> Result<(), StoreError> {
        if self.place.0.is_none() {
            return Ok(());
        }
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        // The old one first: it holds the lock on the file.
        *database = None;
        *database = Some(self.place.open()?);
        Ok(())
    }
}

impl Place {
    fn open(&self) -> Result<Database, StoreError> {
        let path = self.0.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
        builder().create(path).map_err(|error| self.explain(error.into()))
    }
}

/// Makes the file at `path`, at once or not at all: an empty one is never a new one. Of two processes that make it, one does.
fn make(path: &Path) -> Result<(), redb::Error> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let staging = temporary::dir_in(parent)?;
    let new = staging.path().join(FILE_NAME);
    let database = builder().create(&new)?;
    std::fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    let transaction = database.begin_write()?;
    tables::make(&transaction)?;
    transaction.commit()?;
    drop(database);
    match std::fs::hard_link(&new, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        // A file system without such links.
        Err(_) => std::fs::rename(&new, path)?,
        Ok(()) => {}
    }
    Ok(File::open(parent)?.sync_all()?)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    // Changes by another process are detected here, before jobs run.
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

impl fmt::Debug for JobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job store {}", self.place)
    }
}
