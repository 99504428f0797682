//! Directories of a tree: looking names up, and listing with kinds, which needs the first block of every entry that is
//! not a raw one. Listings are kept by CID, so that a directory that is in a tree a thousand times is listed once.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bacalhau_tree::Kind;

use super::cache::Cache;
use super::hamt;
use super::listing::Listing;
use super::node::Node;
use super::nodes::Nodes;
use super::siblings::Siblings;
use crate::{Cid, Code, DataError};

/// Bytes of memory for listings of late.
const KEPT_BYTES: usize = 64 << 20;

/// The directories of one tree.
#[derive(Debug)]
pub(super) struct Directories {
    nodes: Arc<Nodes>,
    kept: Mutex<Cache<Directory>>,
}

/// A directory that was listed.
#[derive(Debug)]
pub(super) struct Directory {
    listing: Arc<Listing>,
    /// In listing order; computed on first use.
    kinds: OnceLock<Vec<Kind>>,
    siblings: Mutex<Siblings>,
}

impl Directories {
    pub(super) fn new(nodes: Arc<Nodes>) -> Self {
        Self { nodes, kept: Mutex::new(Cache::new(KEPT_BYTES)) }
    }

    /// The entry `name` of the directory `cid`; `None` also when it is not a directory. Reads only the path to the name
    /// in a large directory.
    ///
    /// # Errors
    /// When a block is unavailable or malformed.
    pub(super) fn find(&self, cid: &Cid, name: &str) -> Result<Option<Cid>, DataError> {
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(cid);
        if let Some(directory) = known {
            let Some(index) = directory.listing.index_of(name) else { return Ok(None) };
            self.ask_for_siblings(&directory, index);
            return Ok(Some(directory.entries()[index].1));
        }
        match &*self.nodes.get(cid)? {
            Node::Dir(listing) => Ok(listing.find(name).copied()),
            Node::Shard(_) => hamt::find(&self.nodes, cid, name),
            Node::Leaf(_) | Node::File(_) | Node::Link(_) => Ok(None),
        }
    }

    /// The directory `cid`; `None` when it is not one.
    ///
    /// # Errors
    /// When a block is unavailable or malformed.
    pub(super) fn get(&self, cid: &Cid) -> Result<Option<Arc<Directory>>, DataError> {
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(cid);
        if known.is_some() {
            return Ok(known);
        }
        let listing = match &*self.nodes.get(cid)? {
            Node::Dir(listing) => Arc::clone(listing),
            Node::Shard(_) => Arc::new(hamt::list(&self.nodes, cid)?),
            Node::Leaf(_) | Node::File(_) | Node::Link(_) => return Ok(None),
        };
        let weight = listing.weight();
        let directory = Arc::new(Directory { listing, kinds: OnceLock::new(), siblings: Mutex::default() });
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).put(*cid, Arc::clone(&directory), weight);
        Ok(Some(directory))
    }

    /// The kind of each entry, in order.
    ///
    /// # Errors
    /// When the first block of an entry is unavailable or malformed.
    pub(super) fn kinds<'a>(&self, directory: &'a Directory) -> Result<&'a [Kind], DataError> {
        if let Some(kinds) = directory.kinds.get() {
            return Ok(kinds);
        }
        let entries = directory.entries();
        let needed = entries.iter().map(|(_, cid)| Ok((Code::of(cid)? == Code::DagPb).then_some(*cid)));
        let needed = needed.collect::<Result<Vec<_>, DataError>>()?;
        let cids: Vec<_> = needed.iter().flatten().copied().collect();
        let mut nodes = self.nodes.each(&cids);
        let kinds = entries.iter().zip(needed).map(|((name, _), needed)| {
            let node = if needed.is_some() { nodes.next() } else { None };
            node.map_or(Ok(Kind::File), |node| Ok(node.map_err(|error| in_entry(error, name))?.stat().kind))
        });
        let kinds = kinds.collect::<Result<Vec<_>, DataError>>()?;
        // Another thread may have computed it meanwhile.
        Ok(directory.kinds.get_or_init(|| kinds))
    }
}

impl Directories {
    fn ask_for_siblings(&self, directory: &Directory, index: usize) {
        let plan = directory.siblings.lock().unwrap_or_else(PoisonError::into_inner).plan(index);
        let wanted = plan.map(|plan| plan.start..plan.end.min(directory.entries().len()));
        if let Some(entries) = wanted.and_then(|wanted| directory.entries().get(wanted)) {
            self.nodes.soon(&entries.iter().map(|(_, cid)| *cid).collect::<Vec<_>>());
        }
    }
}

impl Directory {
    /// Names and CIDs, in byte order of the names.
    pub(super) fn entries(&self) -> &[(Box<str>, Cid)] {
        self.listing.entries()
    }
}

/// Adds the name of the listed entry to an error.
fn in_entry(error: DataError, name: &str) -> DataError {
    match error {
        DataError::Missing { cid, why } => DataError::missing(&cid, format!("{why} (first block of entry {name:?})")),
        DataError::Unusable { what, why } => {
            DataError::unusable(format!("{what} (first block of entry {name:?})"), why)
        }
        other => other,
    }
}
