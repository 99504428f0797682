//! The nodes of a tree. The slot of a removed node is used again; its number, which the guest sees, is not.

use bacalhau_tree::HostFailure;

use super::node::{Node, NodeId};
use crate::host_memory::{HostMemory, allocation};

/// Slots that are allocated at once.
const CHUNK: usize = 128;
/// Bytes of a chunk, with its slots' share of the list of free ones.
const CHUNK_BYTES: usize = CHUNK * (size_of::<Option<Node>>() + 2 * size_of::<u32>()) + 2 * size_of::<Vec<Node>>();

/// All nodes by slot.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// Each has room for [`CHUNK`] slots, and all but the last have as many.
    chunks: Vec<Vec<Option<Node>>>,
    free: Vec<u32>,
    /// Nodes that were ever made.
    made: u32,
}

impl Nodes {
    /// Adds a node with the next number, and accounts its memory: that of slots permanently, the rest until it is
    /// removed.
    pub(super) fn add(&mut self, node: Node, memory: &mut HostMemory) -> Result<NodeId, HostFailure> {
        let number = self.made;
        self.made =
            number.checked_add(1).ok_or_else(|| HostFailure::new("more than 4 billion files were made in one run"))?;
        memory.take(node.body.kept_bytes())?;
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => self.new_slot(memory)?,
        };
        if let Some(place) = self.slot_mut(slot) {
            *place = Some(node);
        }
        Ok(NodeId { slot, number })
    }

    pub(super) fn get(&self, id: NodeId) -> Option<&Node> {
        let (chunk, place) = split(id.slot);
        self.chunks.get(chunk)?.get(place)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.slot_mut(id.slot)?.as_mut()
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, id: NodeId, memory: &mut HostMemory) -> Option<Node> {
        let node = self.slot_mut(id.slot)?.take()?;
        memory.give_back(node.body.kept_bytes());
        self.free.push(id.slot);
        Some(node)
    }

    fn new_slot(&mut self, memory: &mut HostMemory) -> Result<u32, HostFailure> {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            memory.take(allocation(CHUNK_BYTES))?;
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let place = self.chunks.last_mut().map_or(0, |chunk| {
            chunk.push(None);
            chunk.len() - 1
        });
        // There are never more slots than numbers.
        Ok(u32::try_from(before + place).unwrap_or(u32::MAX))
    }

    fn slot_mut(&mut self, slot: u32) -> Option<&mut Option<Node>> {
        let (chunk, place) = split(slot);
        self.chunks.get_mut(chunk)?.get_mut(place)
    }
}

fn split(slot: u32) -> (usize, usize) {
    (slot as usize / CHUNK, slot as usize % CHUNK)
}
