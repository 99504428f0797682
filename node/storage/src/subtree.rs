//! A part of a tree as a tree of its own.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bacalhau_tree::{Deadline, Entry, Kind, ReadAt, Stat, Tree};

/// A subtree.
#[derive(Debug)]
pub(super) struct Subtree {
    whole: Arc<dyn Tree>,
    prefix: String,
}

impl Subtree {
    /// The subtree of `whole` at `path`; the empty path is all of it.
    ///
    /// # Errors
    /// When it does not exist, or a link is on the path: links are data.
    pub(super) fn of(whole: Arc<dyn Tree>, path: &str) -> io::Result<Arc<dyn Tree>> {
        if path.is_empty() {
            return Ok(whole);
        }
        for (end, _) in path.match_indices('/') {
            if whole.stat(&path[..end])?.kind != Kind::Dir {
                return Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("{} is not a directory", &path[..end]),
                ));
            }
        }
        whole.stat(path)?;
        Ok(Arc::new(Self { whole, prefix: path.into() }))
    }

    fn full(&self, path: &str) -> String {
        if path.is_empty() { self.prefix.clone() } else { format!("{}/{path}", self.prefix) }
    }
}

impl Tree for Subtree {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        self.whole.stat(&self.full(path))
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.whole.list(&self.full(path))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        self.whole.open(&self.full(path))
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        self.whole.read_link(&self.full(path))
    }

    /// Includes the path, to differ from the identity of the whole.
    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        Ok(format!("{}/{}", self.whole.identity(deadline)?, self.prefix))
    }

    fn check_unchanged(&self, deadline: &Deadline) -> io::Result<()> {
        self.whole.check_unchanged(deadline)
    }

    fn host_path(&self) -> Option<PathBuf> {
        // Users of the path would follow the link out of the tree.
        let is_link = self.whole.stat(&self.prefix).map_or(true, |stat| stat.kind == Kind::Link);
        self.whole.host_path().filter(|_| !is_link).map(|path| path.join(&self.prefix))
    }
}
