//! Where modules and inputs come from, behind one trait. What is opened is a tree that the runtime reads in place;
//! nothing here runs or checks anything.

mod cid_source;
mod cid_url;
mod combo;
mod fetched;
mod inline;
mod ipfs;
mod local;
mod opened;
mod part;
mod read;
mod source;
mod subtree;
mod unsealed;
mod until;
mod url;

use std::fmt;
use std::io;
use std::sync::Arc;

use bacalhau_runtime::HostFailure;

use bacalhau_cas::{Cid, DataError};

pub use cid_source::CidSource;
pub use cid_url::CidUrlStorage;
pub use combo::Combo;
pub use inline::InlineStorage;
pub use ipfs::{Fetch, IpfsStorage};
pub use local::LocalStorage;
pub use opened::{Opened, Services};
pub use read::{OpenInputs, read_file};
pub use source::{Source, SourceError};
pub use unsealed::{Fields, RenderError, Template, TemplateError, UnsealedStorage, UnsealedVerify};
pub use until::Until;
pub use url::{Fetching, Progress, UrlStorage};

/// A way to reach data. Synchronous, because the program that reads it is.
pub trait Storage: Send + Sync + fmt::Debug {
    /// The kind of storage, in one word, as receipts name it.
    fn name(&self) -> &'static str;

    /// Whether the data is on this machine already, so that nothing has to be fetched.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure>;

    /// Bytes of the data: of all files of a directory together. `None` where nobody says so in advance.
    ///
    /// # Errors
    /// When the data cannot be looked at.
    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure>;

    /// Opens the data for reading, after fetching it where that is needed.
    ///
    /// # Errors
    /// When it is not there, cannot be read or fetched, or is larger than this storage may fetch.
    fn open(&self, source: &Source) -> Result<Opened, HostFailure>;
}

/// Every storage of this version: asks the one that a source belongs to.
#[derive(Debug)]
pub struct Sources {
    local: LocalStorage,
    url: UrlStorage,
    cid: Combo,
}

impl Sources {
    /// The paths of `local`, inline data, URLs fetched as `fetching` says, and CIDs from `drivers`, in this order.
    pub fn new(local: LocalStorage, fetching: Fetching, drivers: Vec<Arc<dyn Storage>>) -> Self {
        Self { local, url: UrlStorage::new(fetching), cid: Combo::new(drivers) }
    }

    /// Reads the name of a source in a job. Where local paths are restricted the job is a stranger's, and the disk is not
    /// looked at.
    ///
    /// # Errors
    /// When it names nothing that this version can read.
    pub fn parse(&self, text: &str) -> Result<Source, SourceError> {
        if self.local.is_open() { Source::parse(text) } else { Source::parse_unseen(text) }
    }

    /// Whether jobs may name every path of this machine.
    pub fn is_open(&self) -> bool {
        self.local.is_open()
    }

    /// Checks that a job may name `source` here, also where what it names is open or cached already.
    ///
    /// # Errors
    /// When it is a path that jobs may not read.
    pub fn judge(&self, source: &Source) -> Result<(), HostFailure> {
        if matches!(source, Source::Path(_)) { self.local.judge(source) } else { Ok(()) }
    }

    fn of(&self, source: &Source) -> &dyn Storage {
        match source {
            Source::Path(_) => &self.local,
            Source::Url { .. } => &self.url,
            Source::Cid(_) => &self.cid,
            Source::Inline(_) => &InlineStorage,
        }
    }
}

impl Storage for Sources {
    fn name(&self) -> &'static str {
        "sources"
    }

    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure> {
        self.of(source).has_locally(source)
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        self.of(source).size(source)
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        self.of(source).open(source)
    }
}

/// A storage of which data by CID is used only where all that is read is checked against the CID, for a job that says so.
#[derive(Debug)]
pub struct ForJob<'s> {
    storage: &'s dyn Storage,
    verified: bool,
}

impl<'s> ForJob<'s> {
    /// `storage` for a job whose inputs have to be `verified`, or need not.
    pub fn new(storage: &'s dyn Storage, verified: bool) -> Self {
        Self { storage, verified }
    }
}

impl Storage for ForJob<'_> {
    fn name(&self) -> &'static str {
        self.storage.name()
    }

    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure> {
        self.storage.has_locally(&source.clone().verified(self.verified))
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        self.storage.size(&source.clone().verified(self.verified))
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        self.storage.open(&source.clone().verified(self.verified))
    }
}

/// A failure of data by its CID. Of what is wrong with the data itself this machine is not accused.
fn failed(error: DataError) -> HostFailure {
    HostFailure::of(error.into())
}

/// What `error` is of `path` in a tree that was proved to be the data of `cid`: nothing is there, or this machine failed.
fn absent(path: &str, cid: &Cid, error: io::Error) -> HostFailure {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            failed(DataError::NoSuchPath { root: Box::new(*cid), path: path.into() })
        }
        _ => HostFailure::io(format!("open {path} in {cid}"), error),
    }
}

/// A source was handed to a storage of another kind: a mistake of ours, said rather than hidden.
fn foreign(source: &Source, storage: &str) -> HostFailure {
    HostFailure::new(format!("{source} was asked of the storage for {storage}; please report this"))
}
