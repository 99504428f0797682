//! A tree with the files in which it lies: fetched ones, which are deleted with their last reader, or one of this machine
//! that is not checked as it is read and must be the same at the end of a run.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bacalhau_tree::{Deadline, Entry, HostTree, ReadAt, Stat, Tree};

use bacalhau_files::temporary::TempFile;

/// A tree, and the files in which it lies.
#[derive(Debug)]
pub(super) struct Backed<F> {
    tree: Arc<dyn Tree>,
    /// Dropped after `tree`.
    files: F,
}

/// Files in which a tree lies.
pub(super) trait Files: Send + Sync + fmt::Debug {
    /// Checks that they are the same as before the tree was made. Nothing else has access to fetched files.
    fn check_unchanged(&self, _deadline: &Deadline) -> io::Result<()> {
        Ok(())
    }
}

impl Files for TempFile {}
impl<D: Send + Sync + fmt::Debug> Files for (TempFile, D) {}

impl Files for HostTree {
    fn check_unchanged(&self, deadline: &Deadline) -> io::Result<()> {
        Tree::check_unchanged(self, deadline)
    }
}

impl Backed<TempFile> {
    /// Takes over the file at `file`.
    pub(super) fn new(file: TempFile) -> io::Result<Self> {
        Ok(Self { tree: Arc::new(HostTree::open(file.path())?), files: file })
    }
}

impl<F> Backed<F> {
    /// The tree that lies in `files`.
    pub(super) fn of(tree: impl Tree + 'static, files: F) -> Self {
        Self::over(Arc::new(tree), files)
    }

    /// As [`of`](Self::of), for a tree that is shared.
    pub(super) fn over(tree: Arc<dyn Tree>, files: F) -> Self {
        Self { tree, files }
    }
}

impl<F: Files> Tree for Backed<F> {
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
        self.tree.check_unchanged(deadline)?;
        self.files.check_unchanged(deadline)
    }

    fn host_path(&self) -> Option<PathBuf> {
        self.tree.host_path()
    }
}
