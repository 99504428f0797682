//! Nodes of a file tree as plain data: `edit` changes them, `resolve` finds them.

use std::collections::BTreeMap;
use std::sync::Weak;

use bacalhau_tree::Kind;

use super::listing::Listing;
use crate::host_memory::allocation;

/// Host memory of a name in a directory beside its bytes: its place in the tree of names and its allocation, where a node of
/// the tree is as empty as it can be.
const ENTRY_BYTES: u64 = 112;
/// Host memory of a directory beside its names: the first node of the name tree, and the rest of a listing.
const DIR_BYTES: u64 = 448;

/// Id of a node while it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId {
    /// Its slot, which is reused afterwards.
    pub(super) slot: u32,
    /// Given in order of creation and never again.
    pub(super) number: u32,
}

impl NodeId {
    /// The root `/`.
    pub(crate) const ROOT: Self = Self { slot: 0, number: 0 };

    /// The inode number that the guest sees.
    pub(crate) fn inode(self) -> u64 {
        u64::from(self.number) + 1
    }
}

/// A file, directory or link.
#[derive(Debug)]
pub(crate) struct Node {
    pub(super) body: Body,
    pub(super) times: Times,
    /// Number of names; 1 for a directory.
    pub(super) links: u32,
    /// Descriptors that are open on it.
    pub(super) opens: u32,
    /// Part of an input: never written.
    pub(super) read_only: bool,
}

#[derive(Debug)]
pub(super) enum Body {
    Dir(Dir),
    File(Content),
    Link(Box<str>),
}

/// A directory, its names in byte order.
#[derive(Debug)]
pub(super) struct Dir {
    entries: BTreeMap<Box<str>, NodeId>,
    /// The listing of these entries, as long as a descriptor has it.
    pub(super) listed: Weak<Listing>,
    parent: NodeId,
    /// Directories above it; 0 for the root.
    pub(super) depth: u64,
    /// The root of an input or output, or above one: it can't be moved or removed.
    pub(super) pinned: bool,
    /// Source of its entries, if they are not listed yet.
    pub(super) unread: Option<Source>,
}

impl Dir {
    /// An empty directory in `parent`.
    pub(super) fn new(parent: NodeId, depth: u64) -> Self {
        Self { entries: BTreeMap::new(), listed: Weak::new(), parent, depth, pinned: false, unread: None }
    }

    /// A directory that cannot be moved or removed.
    pub(super) fn pinned(parent: NodeId, depth: u64) -> Self {
        Self { pinned: true, ..Self::new(parent, depth) }
    }

    pub(super) fn entries(&self) -> &BTreeMap<Box<str>, NodeId> {
        &self.entries
    }

    /// Removes and returns all entries.
    pub(super) fn take_entries(&mut self) -> BTreeMap<Box<str>, NodeId> {
        self.listed = Weak::new();
        std::mem::take(&mut self.entries)
    }

    pub(super) fn insert(&mut self, name: Box<str>, id: NodeId) {
        self.listed = Weak::new();
        self.entries.insert(name, id);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.listed = Weak::new();
        self.entries.remove(name);
    }

    /// The directory that it is in, or was in last.
    pub(super) fn parent(&self) -> NodeId {
        self.parent
    }

    /// Its listing has the parent in it.
    pub(super) fn set_parent(&mut self, parent: NodeId) {
        self.listed = Weak::new();
        self.parent = parent;
    }
}

impl Body {
    /// Host memory beside the node's slot, its names and the bytes of a written file.
    pub(super) fn kept_bytes(&self) -> u64 {
        match self {
            Self::Dir(dir) => DIR_BYTES + dir.unread.as_ref().map_or(0, Source::kept_bytes),
            Self::File(Content::Input { source, .. }) => source.kept_bytes(),
            Self::File(_) => allocation(0),
            Self::Link(target) => allocation(target.len()),
        }
    }
}

/// Host memory of a name in a directory.
pub(super) fn entry_bytes(name: &str) -> u64 {
    ENTRY_BYTES + name.len() as u64
}

/// A place in an input tree.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Index into the run's trees.
    pub(super) tree: usize,
    pub(super) path: Box<str>,
}

impl Source {
    pub(super) fn kept_bytes(&self) -> u64 {
        allocation(self.path.len())
    }
}

/// Where the bytes of a file are.
#[derive(Debug)]
pub(super) enum Content {
    /// Small, written by the guest. Its capacity was accounted, see `scratch`.
    Memory(Vec<u8>),
    /// Written by the guest, in a file of the scratch directory that is named after the node.
    Spilled { size: u64 },
    /// Part of an input. Its size is read on demand.
    Input { source: Source, size: Option<u64> },
}

/// Nanoseconds since 1970 on the guest's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) accessed: u64,
    pub(crate) modified: u64,
    pub(crate) changed: u64,
}

impl Times {
    pub(super) fn all(at: u64) -> Self {
        Self { accessed: at, modified: at, changed: at }
    }
}

impl Node {
    pub(super) fn new(body: Body, at: u64) -> Self {
        Self { body, times: Times::all(at), links: 1, opens: 0, read_only: false }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.body {
            Body::Dir(_) => Kind::Dir,
            Body::File(_) => Kind::File,
            Body::Link(_) => Kind::Link,
        }
    }
}
