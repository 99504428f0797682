//! A DAG as an input tree: opening it reads only the blocks along the path to its root; others are read on demand.
//! Links are data and never followed.

use std::io;
use std::sync::Arc;

use bacalhau_tree::{Deadline, Entry, Kind, MAX_PATH_DEPTH, ReadAt, Stat, Tree};

use super::directory::Directories;
use super::file::DagFile;
use super::node::Node;
use super::nodes::Nodes;
use crate::{BlockSource, Cid, DataError, canonical};

/// A file, directory or link of a DAG, and all below it.
#[derive(Debug)]
pub struct DagTree {
    nodes: Arc<Nodes>,
    directories: Directories,
    root: Cid,
    stat: Stat,
}

impl DagTree {
    /// Opens `path` below `root`; the empty path is `root` itself. Leading and trailing slashes are ignored.
    ///
    /// # Errors
    /// When the path does not exist, or a block along it is unavailable or malformed.
    pub fn open(blocks: Arc<dyn BlockSource>, root: &Cid, path: &str) -> Result<Self, DataError> {
        let nodes = Arc::new(Nodes::new(blocks));
        let directories = Directories::new(Arc::clone(&nodes));
        let mut tree = Self { nodes, directories, root: canonical(root), stat: Stat::new(Kind::Dir, 0) };
        tree.root = canonical(&tree.resolve(path.trim_matches('/'))?);
        tree.stat = tree.nodes.get(&tree.root)?.stat();
        Ok(tree)
    }

    /// The block that the path led to, in its canonical form.
    pub fn cid(&self) -> &Cid {
        &self.root
    }

    /// The CID of the entry at `path`, in canonical form.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn cid_of(&self, path: &str) -> Result<Cid, DataError> {
        Ok(canonical(&self.resolve(path)?))
    }

    /// Length of the file; `None` for a directory, of which only [`total_bytes`](Self::total_bytes) could tell.
    pub fn size(&self) -> Option<u64> {
        (self.stat.kind == Kind::File).then_some(self.stat.size)
    }

    /// The readers of files and directories.
    pub(super) fn parts(&self) -> (&Arc<Nodes>, &Directories) {
        (&self.nodes, &self.directories)
    }

    fn resolve(&self, path: &str) -> Result<Cid, DataError> {
        let mut cid = self.root;
        for (depth, name) in (1..).zip(path.split('/').filter(|_| !path.is_empty())) {
            if depth > MAX_PATH_DEPTH {
                let why = format!("it has more than {MAX_PATH_DEPTH} names");
                return Err(DataError::out_of_bounds(format!("a path in {}", self.root), why));
            }
            let found = self.directories.find(&cid, name)?;
            cid = found.ok_or_else(|| self.absent(path))?;
        }
        Ok(cid)
    }

    fn node(&self, path: &str) -> Result<(Cid, Arc<Node>), DataError> {
        let cid = self.resolve(path)?;
        Ok((cid, self.nodes.get(&cid)?))
    }

    /// The names in the directory at `path`, in the order of their bytes, for which no block of an entry is needed.
    pub(super) fn names(&self, path: &str) -> Result<Vec<String>, DataError> {
        let directory = self.directories.get(&self.resolve(path)?)?;
        let directory = directory.ok_or_else(|| self.absent(&format!("directory {path:?}")))?;
        Ok(directory.entries().iter().map(|(name, _)| (**name).into()).collect())
    }

    fn listed(&self, path: &str) -> Result<Vec<Entry>, DataError> {
        let directory = self.directories.get(&self.resolve(path)?)?;
        let directory = directory.ok_or_else(|| self.absent(&format!("directory {path:?}")))?;
        let kinds = self.directories.kinds(&directory)?;
        let entries = directory.entries().iter().zip(kinds);
        Ok(entries.map(|((name, _), kind)| Entry { name: (**name).into(), kind: *kind }).collect())
    }

    fn absent(&self, path: &str) -> DataError {
        DataError::NoSuchPath { root: Box::new(self.root), path: path.into() }
    }
}

impl Tree for DagTree {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        Ok(self.node(path)?.1.stat())
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        Ok(self.listed(path)?)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        let (cid, node) = self.node(path)?;
        match DagFile::open(Arc::clone(&self.nodes), &cid, node) {
            Some(file) => Ok(Box::new(file)),
            None => Err(self.absent(&format!("file {path:?}")).into()),
        }
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        match &*self.node(path)?.1 {
            Node::Link(target) => Ok((**target).into()),
            _ => Err(self.absent(&format!("link {path:?}")).into()),
        }
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok(self.root.to_string())
    }
}

#[cfg(test)]
mod tests;
