//! Errors of a directory hash: what, which path, what to do.
//!
//! None of these is a result of a job: on an unmodified results directory each one is a host failure, which does not
//! count as a vote.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a directory could not be hashed. Names are below the directory and lossy where they are not UTF-8.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HashError {
    /// The directory itself could not be opened.
    #[error("cannot open the directory to hash, {path}: {source}", path = .path.display())]
    Root {
        /// Path of the directory, cleaned.
        path: PathBuf,
        /// The error of the host.
        source: io::Error,
    },
    /// The path is a file or a link. Go refuses a link as well, even one to a directory.
    #[error("{path} is not a directory: name the directory itself, not a file or a link to it", path = .path.display())]
    NotADirectory {
        /// The given path, cleaned.
        path: PathBuf,
    },
    /// A name, or the prefix before it, holds a newline: its line could be read in two ways.
    #[error("the file name {name:?} has a newline in it, which a directory hash cannot hold: rename the file")]
    Newline {
        /// The whole name, with the prefix.
        name: String,
    },
    /// Go would take the prefix off this name wrongly, and open another file or none.
    #[error(
        "the prefix {prefix:?} cannot be taken off the name of {name:?} again: use a plain one such as \"results\""
    )]
    Prefix {
        /// The prefix as given.
        prefix: String,
        /// The file, without the prefix.
        name: String,
    },
    /// A link points out of the directory. Go would follow it and hash a file of the host.
    #[error("{name:?} is a link that leaves the directory: replace it by the file it points to, or remove it")]
    LinkLeaves {
        /// Path of the link.
        name: String,
    },
    /// A link points to a directory, or to something else that is not a file.
    #[error("{name:?} is a link to something that is not a file: replace it by what it points to, or remove it")]
    LinkToOther {
        /// Path of the link.
        name: String,
    },
    /// A link is broken, circular, or cannot be followed for another reason.
    #[error("{name:?} is a link that cannot be followed ({source}): mend or remove it")]
    Link {
        /// Path of the link.
        name: String,
        /// The error of the host.
        source: io::Error,
    },
    /// A pipe, socket or device.
    #[error("{name:?} is a {kind}, not a file or directory, so it has no content to hash: remove it")]
    Special {
        /// Path of the entry.
        name: String,
        /// Kind of the entry.
        kind: &'static str,
    },
    /// A file or directory could not be opened or read.
    #[error("cannot {action} {name:?}: {source}")]
    Io {
        /// The entry; empty for the directory itself.
        name: String,
        /// `open`, `read` or `list`.
        action: &'static str,
        /// The error of the host.
        source: io::Error,
    },
}

impl HashError {
    pub(super) fn newline(name: &[u8]) -> Self {
        Self::Newline { name: lossy(name) }
    }

    pub(super) fn prefix(prefix: &[u8], name: &[u8]) -> Self {
        Self::Prefix { prefix: lossy(prefix), name: lossy(name) }
    }

    pub(super) fn io(action: &'static str, name: &[u8], source: io::Error) -> Self {
        Self::Io { name: lossy(name), action, source }
    }

    /// A link that could not be followed. An escape is cap-std's own refusal, so it carries no code of the host.
    #[expect(clippy::disallowed_methods, reason = "only tests whether there is a code; guests do not see it")]
    pub(super) fn link(name: &[u8], source: io::Error) -> Self {
        let name = lossy(name);
        if source.kind() == io::ErrorKind::PermissionDenied && source.raw_os_error().is_none() {
            return Self::LinkLeaves { name };
        }
        Self::Link { name, source }
    }
}

/// For people: bytes that are not UTF-8 are replaced.
pub(super) fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
