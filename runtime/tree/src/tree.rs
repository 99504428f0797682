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
    /// What is at `path`, which a listing named.
    ///
    /// # Errors
    /// Also when there is nothing: the tree changed.
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

    /// Whether everything that was read or hashed through this tree, since it was opened, is still what it was then. Called
    /// at the end of each run. The default is for trees that cannot change, such as those that check the bytes that they read.
    ///
    /// # Errors
    /// When something was changed, or cannot be looked at in time.
    fn check_unchanged(&self, deadline: &Deadline) -> io::Result<()> {
        deadline.check_io()
    }

    /// Where on this host all of it lies just as it is seen here, if it does: for programs that are shown a place of the host
    /// and not this tree. Whoever uses it has to see to it that nothing was changed meanwhile.
    fn host_path(&self) -> Option<PathBuf> {
        None
    }
}

/// What is wrong with an input itself, and not with the machine that reads it: every other one would say the same. In the
/// [`io::Error`] of a [`Tree`] it makes the run a refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// What is named does not exist in data that was checked.
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
    /// Reads into `buf` from `offset` and says how many bytes: fewer than asked for only at the end of the file.
    ///
    /// # Errors
    /// Ends the run as a failure of the host.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// File, directory or link.
    pub kind: Kind,
    /// Length of a file in bytes, of a link's target in bytes; 0 for a directory.
    pub size: u64,
}

/// One name of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name, without any `/`.
    pub name: String,
    /// What it names.
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
