//! Sources of modules and inputs, behind one trait. Opened data is a tree that the runtime reads in place.

mod backed;
mod cid_source;
mod cid_url;
mod combo;
mod copied;
mod inline;
mod ipfs;
mod local;
mod objects;
mod opened;
mod part;
mod piece;
mod read;
mod source;
mod subtree;
mod unsealed;
mod until;
mod url;

use std::fmt;
use std::io;
use std::sync::Arc;

use self::objects::ObjectStorage;
use bacalhau_tree::HostFailure;

use bacalhau_cas::{Cid, DataError};
use bacalhau_objects::{AllowedObjects, ObjectUrl};

pub use cid_source::CidSource;
pub use cid_url::CidUrlStorage;
pub use combo::Combo;
pub use copied::open_copy;
pub use inline::{InlineError, InlineStorage, MAX_INLINE_BYTES};
pub use ipfs::{Fetch, IpfsStorage};
pub use local::LocalStorage;
pub use opened::{Opened, Services};
pub use piece::{PieceCopies, PieceNumbers, PieceUrls};
pub use read::{OpenInputs, read_file};
pub use source::{Source, SourceError};
pub use unsealed::{Fields, RenderError, Template, TemplateError, UnsealedStorage, UnsealedVerify};
pub use until::Until;
pub use url::{Fetching, Progress, UrlStorage};

/// A way to reach data. Synchronous, because the program that reads it is.
pub trait Storage: Send + Sync + fmt::Debug {
    /// The kind of storage, in one word, as receipts name it.
    fn name(&self) -> &'static str;

    /// Whether the data is on this machine, without fetching.
    ///
    /// # Errors
    /// When that cannot be determined.
    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure>;

    /// Size of the data in bytes; of a directory, of all files together. `None` when it is unknown in advance.
    ///
    /// # Errors
    /// When the data cannot be examined.
    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure>;

    /// Opens the data for reading, after fetching it where that is needed.
    ///
    /// # Errors
    /// When it is not there, cannot be read or fetched, or is larger than this storage may fetch.
    fn open(&self, source: &Source) -> Result<Opened, HostFailure>;
}

/// All storages: selects one by the kind of source.
#[derive(Debug)]
pub struct Sources {
    local: LocalStorage,
    objects: ObjectStorage,
    url: UrlStorage,
    cid: Combo,
    pieces: Combo,
}

impl Sources {
    /// Sources: paths of `local`, inline data, URLs fetched by `fetching`, and CIDs from `drivers` in order. Where all paths
    /// are allowed, all objects of object stores are, else none.
    pub fn new(local: LocalStorage, fetching: Fetching, drivers: Vec<Arc<dyn Storage>>) -> Self {
        let pieces = Combo::new(vec![Arc::new(piece::NoPieces) as _]);
        let allowed = if local.is_open() { AllowedObjects::All } else { AllowedObjects::Below(Vec::new()) };
        let objects = ObjectStorage::new(allowed, fetching.patience);
        Self { local, objects, url: UrlStorage::new(fetching), cid: Combo::new(drivers), pieces }
    }

    /// These sources with those of pieces, in order.
    #[must_use]
    pub fn with_pieces(self, drivers: Vec<Arc<dyn Storage>>) -> Self {
        if drivers.is_empty() { self } else { Self { pieces: Combo::new(drivers), ..self } }
    }

    /// These sources, with the objects below `prefixes` if not all are allowed.
    #[must_use]
    pub fn with_objects(self, prefixes: Vec<ObjectUrl>) -> Self {
        if self.is_open() {
            return self;
        }
        let objects = self.objects.allowing(AllowedObjects::Below(prefixes));
        Self { objects, ..self }
    }

    /// Parses a source in a job. With restricted local paths the job is untrusted, and the disk is not accessed.
    ///
    /// # Errors
    /// When it is not a supported source.
    pub fn parse(&self, text: &str) -> Result<Source, SourceError> {
        if self.local.is_open() { Source::parse(text) } else { Source::parse_unseen(text) }
    }

    /// Whether jobs may name every path of this machine.
    pub fn is_open(&self) -> bool {
        self.local.is_open()
    }

    /// Checks that jobs may use `source` here, also if it is open or cached.
    ///
    /// # Errors
    /// When it is a path or an object outside of the allowed ones.
    pub fn judge(&self, source: &Source) -> Result<(), HostFailure> {
        match source {
            Source::Path(_) => self.local.judge(source),
            Source::Object(_) => self.objects.url(source).map(drop),
            Source::Url { .. } | Source::Cid(_) | Source::Inline(_) => Ok(()),
        }
    }

    fn of(&self, source: &Source) -> &dyn Storage {
        match source {
            Source::Path(_) => &self.local,
            Source::Url { .. } => &self.url,
            Source::Object(_) => &self.objects,
            Source::Cid(source) if source.is_piece() => &self.pieces,
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

/// A storage that uses data by CID only if all of it is verified, for jobs that require that.
#[derive(Debug)]
pub struct ForJob<'s> {
    storage: &'s dyn Storage,
    verified: bool,
}

impl<'s> ForJob<'s> {
    /// `storage` for a job whose inputs must be `verified` or not.
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

/// Converts an error of data by CID. Invalid data is not this machine's failure.
fn failed(error: DataError) -> HostFailure {
    HostFailure::of(error.into())
}

/// Converts `error` at `path` of a tree that was proved to be the data of `cid`: the path does not exist, or this
/// machine failed.
fn absent(path: &str, cid: &Cid, error: io::Error) -> HostFailure {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            failed(DataError::NoSuchPath { root: Box::new(*cid), path: path.into() })
        }
        _ => HostFailure::io(format!("open {path} in {cid}"), error),
    }
}

/// Internal error: a source was passed to a storage of another kind.
fn foreign(source: &Source, storage: &str) -> HostFailure {
    HostFailure::new(format!("internal error: {source} was passed to the storage for {storage}; please report this"))
}
