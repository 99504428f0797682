//! A file that was fetched into a temporary one: a tree like any other, and the file goes when the last reader does.

use std::io;
use std::path::Path;

use bacalhau_runtime::{Entry, HostTree, ReadAt, Stat, Tree};
use tempfile::TempPath;

/// A fetched file as a tree.
#[derive(Debug)]
pub(super) struct Fetched {
    tree: HostTree,
    /// Removes the file when dropped, after `tree`.
    _file: TempPath,
}

impl Fetched {
    /// Takes over the file at `file`.
    pub(super) fn new(file: TempPath) -> io::Result<Self> {
        let path: &Path = &file;
        Ok(Self { tree: HostTree::open(path)?, _file: file })
    }
}

impl Tree for Fetched {
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

    fn identity(&self) -> io::Result<String> {
        self.tree.identity()
    }
}
