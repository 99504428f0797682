//! Errors of the provider and of the collection of results.

use std::fmt;
use std::io;
use std::path::PathBuf;

use bacalhau_cas::DataError;
use bacalhau_job::PublisherKind;
use bacalhau_tree::{HostFailure, Link, dirhash::HashError};

/// This node lacks a publisher of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingPublisher(pub PublisherKind);

/// Why results are not available to the requester or the public.
#[derive(Debug)]
pub enum DeliverError {
    /// The results differ from the voted hash, or a publisher failed.
    Host(HostFailure),
    /// A publisher of the job is missing.
    Missing(MissingPublisher),
    /// The path of the results directory has no absolute form.
    Path(io::Error),
    /// The path of the results directory is not UTF-8.
    NotUtf8,
    /// Results for another process need a block store.
    NoStore,
    /// The import into the block store failed.
    Import(PathBuf, Box<DataError>),
}

/// Why delivered results are rejected.
#[derive(Debug)]
pub enum CollectError {
    /// The target on this node cannot be written.
    Write(PathBuf, io::Error),
    /// The DAG cannot be fetched.
    Fetch(Box<Link>, Box<DataError>),
    /// The directory of the provider cannot be read.
    Read(String, io::Error),
    /// A provider of another process names a directory.
    Directory,
    /// The delivered results cannot be hashed.
    Hash(Box<HashError>),
    /// The delivered results are not those of the vote.
    Different {
        /// Their hash.
        found: String,
        /// The voted hash.
        voted: String,
    },
}

/// Why a program cannot run on this node now.
#[derive(Debug)]
pub enum EngineError {
    /// The node has no executor for this profile.
    NoExecutor(Box<Link>),
    /// The node has no container engine.
    NoContainers,
    /// The program is not for this executor.
    OtherEngine,
    /// The container engine does not answer; its text.
    Silent(String),
    /// The engine lacks an image that cannot be pulled.
    NoImage(String),
    /// The engine failed.
    Host(HostFailure),
}

/// Why a stored record of a provider's job is unreadable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The bytes are not a record; the decoder's text.
    Invalid(String),
    /// The record has another version.
    Version {
        /// Its version.
        found: u32,
        /// The version of this program.
        written: u32,
    },
    /// The record has neither a job nor a brief.
    NoJob,
}

impl fmt::Display for MissingPublisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bacalhau_publisher::missing(self.0))
    }
}

impl fmt::Display for DeliverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(failure) => failure.fmt(f),
            Self::Missing(missing) => missing.fmt(f),
            Self::Path(error) => error.fmt(f),
            Self::NotUtf8 => f.write_str("the name of the results directory is not UTF-8"),
            Self::NoStore => f.write_str("this node has no block store to deliver results from"),
            Self::Import(results, error) => write!(f, "cannot publish {}: {error}", results.display()),
        }
    }
}

impl fmt::Display for CollectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(target, error) => write!(f, "this node cannot write {}: {error}", target.display()),
            Self::Fetch(root, error) => write!(f, "cannot fetch {root}: {error}"),
            Self::Read(path, error) => write!(f, "cannot read {path}: {error}"),
            Self::Directory => f.write_str("the provider named a directory, which is allowed within one process only"),
            Self::Hash(error) => write!(f, "the published results cannot be hashed: {error}"),
            Self::Different { found, voted } => {
                write!(f, "the published results have the hash {found}, but {voted} was voted for")
            }
        }
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoExecutor(profile) => write!(f, "this node has no executor for profile {profile}"),
            Self::NoContainers => f.write_str("this node has no container engine"),
            Self::OtherEngine => f.write_str("it is for the sandbox"),
            Self::Silent(why) => write!(f, "the container engine of this node does not answer: {why}"),
            Self::NoImage(image) => write!(
                f,
                "the engine does not have image {image}, and without a name it cannot be pulled: import it on every node"
            ),
            Self::Host(failure) => failure.fmt(f),
        }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stored record of a job is unreadable: ")?;
        match self {
            Self::Invalid(why) => f.write_str(why),
            Self::Version { found, written } => {
                write!(f, "it has version {found}, and this program writes {written}")
            }
            Self::NoJob => f.write_str("it names no job"),
        }
    }
}

impl std::error::Error for MissingPublisher {}
impl std::error::Error for DeliverError {}
impl std::error::Error for CollectError {}
impl std::error::Error for EngineError {}
impl std::error::Error for RecordError {}

impl From<HostFailure> for DeliverError {
    fn from(failure: HostFailure) -> Self {
        Self::Host(failure)
    }
}

impl From<HostFailure> for EngineError {
    fn from(failure: HostFailure) -> Self {
        Self::Host(failure)
    }
}
