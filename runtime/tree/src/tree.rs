//! A read-only tree of files: list, stat, read at a position. A directory of the host, the DAG below a CID and an archive of
//! blocks implement it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::deadline::Deadline;

/// The largest `path_depth`: one directory of the host is open for each level while results are moved to their place.
pub const MAX_PATH_DEPTH: u64 = 256;

/// A read-only tree of files. It must not change while a run reads it.
///
/// Paths are relative, with `/` between names and no `.` or `..`; the empty path is the root, which may itself be a
/// file. Links are reported, never followed: the guest's file system follows them inside of the sandbox.
///
/// An error of any method is a failure of the host, unless it holds an [`InputError`]: it ends the run, and the guest never
/// sees it.
pub trait Tree: Send + Sync + fmt::Debug {
    /// Attributes of the listed entry at `path`.
    ///
    /// # Errors
    /// Also when it does not exist, because the tree has changed.
    fn stat(&self, path: &str) -> io::Result<Stat>;

    /// The entries of the directory at `path`, in any order.
    ///
    /// # Errors
    /// Also for a name that is not UTF-8: no other machine could be given it.
    fn list(&self, path: &str) -> io::Result<Vec<Entry>>;

    /// Opens the file at `path`.
    ///
    /// # Errors
    /// As for `stat`.
    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>>;

    /// The target of the link at `path`.
    ///
    /// # Errors
    /// As for `stat`.
    fn read_link(&self, path: &str) -> io::Result<String>;

    /// A text that is equal for equal trees only: a CID, or an `h1:` as [`HostTree`](crate::HostTree) makes it. May take as long as
    /// reading everything, but ends soon after `deadline`; called once at most for each run, beside it.
    ///
    /// # Errors
    /// When not all of the tree can be read in time.
    fn identity(&self, deadline: &Deadline) -> io::Result<String>;

    /// Checks that everything read or hashed through this tree since it was opened is unchanged. Called at the end of
    /// each run. The default is for immutable trees, such as those that verify their bytes.
    ///
    /// # Errors
    /// When something has changed, or cannot be checked in time.
    fn check_unchanged(&self, deadline: &Deadline) -> io::Result<()> {
        deadline.check_io()
    }

    /// Host path with exactly this content, if there is one: for programs that use a host path instead of this tree.
    /// The caller must check that it is not changed meanwhile.
    fn host_path(&self) -> Option<PathBuf> {
        None
    }
}

/// An error of the input itself, equal on every machine. In the [`io::Error`] of a [`Tree`] it makes the run a
/// rejection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The named entry does not exist in verified data.
    #[error("{0}")]
    Absent(String),
    /// There is something that no machine could be given, such as a name that is not UTF-8.
    #[error("{0}")]
    Unusable(String),
}

impl InputError {
    /// The one in `error`, where there is one.
    pub fn in_error(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// An open file of an input tree.
pub trait ReadAt: Send + Sync {
    /// Reads into `buf` from `offset` and returns the number of bytes, fewer than requested only at the end of the
    /// file.
    ///
    /// # Errors
    /// They end the run as a host failure.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// Attributes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stat {
    /// File, directory or link.
    pub kind: Kind,
    /// Length of a file in bytes, of a link's target in bytes; 0 for a directory.
    pub size: u64,
}

impl Stat {
    /// The attributes of an entry. `size` is 0 for a directory.
    pub fn new(kind: Kind, size: u64) -> Self {
        Self { kind, size }
    }
}

/// One name of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, without any `/`.
    pub name: String,
    /// Kind of the entry.
    pub kind: Kind,
}

/// The kinds of thing that a tree can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A directory.
    Dir,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
}
