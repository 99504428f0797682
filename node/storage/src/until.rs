//! A tree with a deadline, for code that has none.

use std::io;
use std::sync::Arc;

use bacalhau_tree::{Deadline, Entry, ReadAt, Stat, Tree};

/// `tree`, of which every question fails once the deadline has passed.
#[derive(Debug)]
pub struct Until {
    tree: Arc<dyn Tree>,
    deadline: Deadline,
}

impl Until {
    /// `tree` with `deadline`.
    pub fn new(tree: Arc<dyn Tree>, deadline: &Deadline) -> Self {
        Self { tree, deadline: deadline.clone() }
    }
}

impl Tree for Until {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        self.deadline.check_io()?;
        self.tree.stat(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.deadline.check_io()?;
        self.tree.list(path)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        self.deadline.check_io()?;
        Ok(Box::new(OpenFile { file: self.tree.open(path)?, deadline: self.deadline.clone() }))
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        self.deadline.check_io()?;
        self.tree.read_link(path)
    }

    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        self.deadline.check_io()?;
        self.tree.identity(deadline)
    }

    fn check_unchanged(&self, deadline: &Deadline) -> io::Result<()> {
        self.tree.check_unchanged(deadline)
    }
}

struct OpenFile {
    file: Box<dyn ReadAt>,
    deadline: Deadline,
}

impl ReadAt for OpenFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.deadline.check_io()?;
        self.file.read_at(buf, offset)
    }
}
