//! A file that was fetched into a temporary one: a tree like any other, and the file goes when the last reader does.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bacalhau_runtime::{Deadline, Entry, HostTree, ReadAt, Stat, Tree};

use bacalhau_files::temporary::TempFile;

/// A tree, and the files in which it lies.
#[derive(Debug)]
pub(super) struct Fetched<F> {
    tree: Arc<dyn Tree>,
    /// Removed when dropped, after `tree`.
    _files: F,
}

impl Fetched<TempFile> {
    /// Takes over the file at `file`.
    pub(super) fn new(file: TempFile) -> io::Result<Self> {
        Ok(Self { tree: Arc::new(HostTree::open(file.path())?), _files: file })
    }
}

impl<F> Fetched<F> {
    /// The tree that lies in `files`.
    pub(super) fn of(tree: impl Tree + 'static, files: F) -> Self {
        Self { tree: Arc::new(tree), _files: files }
    }
}

impl<F: Send + Sync + fmt::Debug> Tree for Fetched<F> {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        self.tree.stat(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.tree.list(path)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        self.tree.open(path)
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        self.tree.read_link(path)
    }

    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        self.tree.identity(deadline)
    }

    fn check_unchanged(&self, deadline: &Deadline) -> io::Result<()> {
        self.tree.check_unchanged(deadline)
    }

    fn host_path(&self) -> Option<PathBuf> {
        self.tree.host_path()
    }
}
