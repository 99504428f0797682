//! A snapshot of a directory's names for iterating descriptors, shared while the directory is unchanged.

use bacalhau_tree::Kind;

use super::node::NodeId;
use crate::host_memory::allocation;

/// `.`, `..` and the names of a directory in byte order.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    names: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Where its name ends in `names`; it begins where the one before ends.
    end: usize,
    inode: u64,
    kind: Kind,
}

impl Listing {
    /// An empty listing with capacity for `entries` with names of `bytes` in total.
    pub(super) fn with_capacity(entries: usize, bytes: usize) -> Self {
        Self { names: String::with_capacity(bytes), entries: Vec::with_capacity(entries) }
    }

    pub(super) fn push(&mut self, name: &str, id: NodeId, kind: Kind) {
        self.names.push_str(name);
        self.entries.push(Entry { end: self.names.len(), inode: id.inode(), kind });
    }

    /// Host memory of such a listing.
    pub(super) fn kept_bytes_of(entries: usize, bytes: usize) -> u64 {
        allocation(size_of::<Self>()) + allocation(bytes) + allocation(entries.saturating_mul(size_of::<Entry>()))
    }

    pub(super) fn kept_bytes(&self) -> u64 {
        Self::kept_bytes_of(self.entries.len(), self.names.len())
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Name, inode number and kind of the entries from the `first` on.
    pub(crate) fn from(&self, first: usize) -> impl Iterator<Item = (&str, u64, Kind)> {
        let first = first.min(self.entries.len());
        let mut start = first.checked_sub(1).map_or(0, |before| self.entries[before].end);
        self.entries[first..].iter().map(move |entry| {
            let name = &self.names[start..entry.end];
            start = entry.end;
            (name, entry.inode, entry.kind)
        })
    }
}
