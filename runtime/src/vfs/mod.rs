//! The guest's file tree: one root, names in byte order, ordinal inodes, virtual times, quotas. Inputs are read in place,
//! everything else is writable scratch. It knows nothing of WASI's descriptors and encodings.
//!
//! | room | holds |
//! |---|---|
//! | `node`, `nodes` | what a tree is made of, and where its nodes are |
//! | `listing` | the names of a directory at one moment |
//! | `mount` | inputs and outputs put in their places; directories of inputs filled when first looked into |
//! | `resolve` | finding a node by path |
//! | `edit` | making, moving, linking, removing |
//! | `bytes` | reading and writing the content of files |
//! | `scratch`, `trees`, `handles` | where those bytes are on the host |
//! | `usage` | quotas |
//! | `export` | the outputs, moved into the results directory |
//! | `path`, `errno`, `fault` | the names that are allowed, the codes that are answered, how a request can fail |

mod bytes;
mod edit;
pub(crate) mod errno;
mod export;
pub(crate) mod fault;
mod handles;
mod listing;
mod mount;
mod node;
mod nodes;
pub(crate) mod path;
mod resolve;
mod scratch;
mod trees;
mod usage;

use bacalhau_tree::Kind;

use crate::clock::Clock;
use crate::host_memory::HostMemory;
use crate::limits::Limits;
use crate::profile::Profile;
use errno::Errno;
use fault::Answer;
use node::{Body, Dir, Node, entry_bytes};
use nodes::Nodes;
use trees::Trees;
use usage::Usage;

pub(crate) use listing::Listing;
pub(crate) use node::{NodeId, Times};
pub(crate) use resolve::Place;
pub(crate) use scratch::Scratch;

/// A file tree, and the clock that stamps its changes.
pub(crate) struct Vfs {
    pub(crate) clock: Clock,
    nodes: Nodes,
    trees: Trees,
    scratch: Scratch,
    usage: Usage,
    /// What the run has the host keep.
    pub(crate) memory: HostMemory,
    most_depth: u64,
    /// What requests have cost beside the bytes that they moved, in fuel, since it was last taken.
    work: u64,
}

/// Fuel of an entry that is read from an input or walked through: 0.05 to 1 µs.
const ENTRY_WORK: u64 = Profile::V1.fuel.directory_entry;

/// What `filestat` and listings tell of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    pub(crate) inode: u64,
    pub(crate) kind: Kind,
    pub(crate) links: u32,
    /// Bytes of a file or of a link's target; 0 for a directory.
    pub(crate) size: u64,
    pub(crate) times: Times,
}

impl Vfs {
    /// An empty root. `mount` puts the inputs and outputs in.
    pub(crate) fn new(limits: &Limits, clock: Clock, scratch: Scratch, mut memory: HostMemory) -> Answer<Self> {
        let root = Dir::pinned(NodeId::ROOT, 0);
        let root = Node::new(Body::Dir(root), clock.now());
        let mut nodes = Nodes::default();
        nodes.add(root, &mut memory)?;
        Ok(Self {
            clock,
            nodes,
            trees: Trees::new(Vec::new()),
            scratch,
            usage: Usage::new(limits),
            memory,
            most_depth: limits.path_depth,
            work: 0,
        })
    }

    pub(crate) fn kind(&self, id: NodeId) -> Kind {
        self.node(id).kind()
    }

    pub(crate) fn is_read_only(&self, id: NodeId) -> bool {
        self.node(id).read_only
    }

    pub(crate) fn stat(&mut self, id: NodeId) -> Answer<Stat> {
        let size = self.size(id)?;
        let node = self.node(id);
        Ok(Stat { inode: id.inode(), kind: node.kind(), links: node.links, size, times: node.times })
    }

    /// Changes the times of a node; `None` leaves one as it is.
    pub(crate) fn set_times(&mut self, id: NodeId, accessed: Option<u64>, modified: Option<u64>) -> Answer<()> {
        if self.is_read_only(id) {
            return Err(Errno::Rofs.into());
        }
        let changed = self.clock.now();
        let times = &mut self.node_mut(id).times;
        times.accessed = accessed.unwrap_or(times.accessed);
        times.modified = modified.unwrap_or(times.modified);
        times.changed = changed;
        Ok(())
    }

    /// A descriptor was opened on the node: it lives on without a name.
    pub(crate) fn opened(&mut self, id: NodeId) {
        self.node_mut(id).opens += 1;
    }

    /// A descriptor was closed.
    pub(crate) fn closed(&mut self, id: NodeId) -> Answer<()> {
        self.node_mut(id).opens -= 1;
        self.drop_if_unused(id)
    }

    /// The fuel to be charged for what was done since this was last asked.
    pub(crate) fn take_work(&mut self) -> u64 {
        std::mem::take(&mut self.work)
    }

    fn add(&mut self, node: Node) -> Answer<NodeId> {
        Ok(self.nodes.add(node, &mut self.memory)?)
    }

    #[expect(clippy::expect_used, reason = "an id leads to a live node as long as it has a name or a descriptor")]
    fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id).expect("a node with a name or a descriptor is alive")
    }

    #[expect(clippy::expect_used, reason = "as for `node`")]
    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(id).expect("a node with a name or a descriptor is alive")
    }

    fn dir(&self, id: NodeId) -> Answer<&Dir> {
        match &self.node(id).body {
            Body::Dir(dir) => Ok(dir),
            Body::File(_) | Body::Link(_) => Err(Errno::Notdir.into()),
        }
    }

    fn dir_mut(&mut self, id: NodeId) -> Answer<&mut Dir> {
        match &mut self.node_mut(id).body {
            Body::Dir(dir) => Ok(dir),
            Body::File(_) | Body::Link(_) => Err(Errno::Notdir.into()),
        }
    }

    /// Enters a name into a directory.
    fn put_name(&mut self, dir: NodeId, name: Box<str>, id: NodeId) -> Answer<()> {
        self.memory.take(entry_bytes(&name))?;
        self.dir_mut(dir)?.insert(name, id);
        Ok(())
    }

    /// Takes a name that is there out of a directory.
    fn take_name(&mut self, dir: NodeId, name: &str) -> Answer<()> {
        self.dir_mut(dir)?.remove(name);
        self.memory.give_back(entry_bytes(name));
        Ok(())
    }

    /// Lets go of a node that has neither a name nor a descriptor.
    fn drop_if_unused(&mut self, id: NodeId) -> Answer<()> {
        let node = self.node(id);
        if node.links > 0 || node.opens > 0 {
            return Ok(());
        }
        if let Some(Node { body: Body::File(content), .. }) = self.nodes.remove(id, &mut self.memory) {
            self.usage.resize(scratch::size_of(&content), 0)?;
            self.scratch.discard(id, &content, &mut self.memory)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
