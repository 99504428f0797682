//! The guest's file tree: one root, names in byte order, ordinal inodes, virtual times, quotas. Inputs are read in
//! place, everything else is writable scratch. Descriptors and encodings of WASI are elsewhere.
//!
//! | module | holds |
//! |---|---|
//! | `node`, `nodes` | nodes of a tree and their storage |
//! | `listing` | snapshots of directories |
//! | `mount` | mounting inputs and outputs; lazy listing of inputs |
//! | `resolve` | finding a node by path |
//! | `edit` | creating, moving, linking, removing |
//! | `bytes` | reading and writing the content of files |
//! | `scratch`, `trees`, `handles` | storage of contents on the host |
//! | `usage` | quotas |
//! | `export`, `unkept` | export of outputs to the results directory; files outside of them |
//! | `path`, `errno`, `fault` | valid names, error codes, failures of a request |

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
mod unkept;
mod usage;

use bacalhau_tree::Kind;

use crate::clock::Clock;
use crate::host_memory::HostMemory;
use bacalhau_receipt::{Limits, Profile};
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
pub(crate) use unkept::Unkept;

/// A file tree, and the clock that stamps its changes.
pub(crate) struct Vfs {
    pub(crate) clock: Clock,
    nodes: Nodes,
    trees: Trees,
    scratch: Scratch,
    usage: Usage,
    /// Host memory of the run.
    pub(crate) memory: HostMemory,
    most_depth: u64,
    /// The file that stays empty, whatever is written to it.
    pub(super) null: Option<NodeId>,
    /// `..` in the root leads to the root, as in POSIX. Otherwise it is refused, as above every other base.
    pub(crate) root_is_its_parent: bool,
    /// Fuel cost of requests beside moved bytes, since it was last taken.
    work: u64,
}

/// Fuel of an entry that is read from an input or walked through: 0.05 to 1 µs.
const ENTRY_WORK: u64 = Profile::V1.fuel.directory_entry;

/// Attributes of a node for `filestat` and listings.
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
            null: None,
            root_is_its_parent: false,
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

    /// Bytes that were read from inputs.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.trees.bytes_read()
    }

    /// Bytes of all written files.
    pub(crate) fn bytes_out(&self) -> u64 {
        self.scratch.held()
    }

    /// Takes the accumulated fuel cost.
    pub(crate) fn take_work(&mut self) -> u64 {
        std::mem::take(&mut self.work)
    }

    fn add(&mut self, node: Node) -> Answer<NodeId> {
        Ok(self.nodes.add(node, &mut self.memory)?)
    }

    #[expect(clippy::expect_used, reason = "an id is valid while its node has a name or a descriptor")]
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
