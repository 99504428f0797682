//! What a file tree is made of. Plain data: the rules of changing it are in `edit`, of finding it in `resolve`.

use std::collections::BTreeMap;

use crate::input::Kind;

/// Names a node for as long as it lives. Numbers are given in order of creation and never again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(pub(super) u32);

impl NodeId {
    /// `/`
    pub(crate) const ROOT: Self = Self(0);

    /// The inode number that the guest sees.
    pub(crate) fn inode(self) -> u64 {
        u64::from(self.0) + 1
    }

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A file, directory or link.
#[derive(Debug)]
pub(crate) struct Node {
    pub(super) body: Body,
    pub(super) times: Times,
    /// Names that lead here; 1 for a directory, whatever is in it.
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
    pub(super) entries: BTreeMap<Box<str>, NodeId>,
    pub(super) parent: NodeId,
    /// Directories above it; 0 for the root.
    pub(super) depth: u64,
    /// The root of an input or output, or above one: it can't be moved or removed.
    pub(super) pinned: bool,
    /// Where its entries are to be read from, when nobody has looked into it yet.
    pub(super) unread: Option<Source>,
}

/// A place in an input tree.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// Index into the run's trees.
    pub(super) tree: usize,
    pub(super) path: Box<str>,
}

/// Where the bytes of a file are.
#[derive(Debug)]
pub(super) enum Content {
    /// Written by the guest, small.
    Memory(Vec<u8>),
    /// Written by the guest, in a file of the scratch directory that is named after the node.
    Spilled { size: u64 },
    /// Part of an input. The size is asked for when it is first needed.
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
