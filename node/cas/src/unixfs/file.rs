//! An open file of a DAG: concurrent random access with read-ahead. The length of every part is checked against its
//! parent.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bacalhau_tree::{Kind, ReadAt};

use super::ahead::Ahead;
use super::node::{FileNode, Node};
use super::nodes::Nodes;
use crate::{Cid, Code, DataError, MAX_BLOCK_BYTES};

/// Maximum depth of a file in blocks. Importers write 174 or 1024 links a block, so 5 is deep.
pub const MAX_FILE_DEPTH: usize = 32;
/// Maximum blocks requested at a time.
const MAX_ASKED: usize = 1024;

/// An open file.
#[derive(Debug)]
pub(super) struct DagFile {
    nodes: Arc<Nodes>,
    cid: Cid,
    root: Arc<Node>,
    size: u64,
    ahead: Mutex<Ahead>,
}

/// A read: which bytes of the file, and where they go.
struct Read<'a> {
    nodes: &'a Nodes,
    wanted: Range<u64>,
    buf: &'a mut [u8],
}

/// Collects the blocks ahead of a reader.
struct Scout<'a> {
    nodes: &'a Nodes,
    wanted: Range<u64>,
    /// Inner nodes that start before this are read to find their leaves; later ones are only requested.
    read_before: u64,
    found: Vec<Cid>,
}

impl DagFile {
    /// Opens the file with the root block `root`; `None` when it is not a file.
    pub(super) fn open(nodes: Arc<Nodes>, cid: &Cid, root: Arc<Node>) -> Option<Self> {
        let stat = root.stat();
        let ahead = Mutex::new(Ahead::default());
        (stat.kind == Kind::File).then(|| Self { nodes, cid: *cid, root, size: stat.size, ahead })
    }

    fn read(&self, buf: &mut [u8], offset: u64) -> Result<usize, DataError> {
        let length = small(self.size.saturating_sub(offset)).min(buf.len());
        if length == 0 {
            return Ok(0);
        }
        let wanted = offset..offset + length as u64;
        self.ask_ahead(&wanted);
        Read { nodes: &self.nodes, wanted, buf: &mut buf[..length] }.copy(&self.cid, &self.root, 0, 0)?;
        Ok(length)
    }

    fn ask_ahead(&self, wanted: &Range<u64>) {
        let Node::File(root) = &*self.root else { return };
        let plan = self.ahead.lock().unwrap_or_else(PoisonError::into_inner).plan(wanted);
        let Some(plan) = plan.map(|plan| plan.start..plan.end.min(self.size)).filter(|plan| !plan.is_empty()) else {
            return;
        };
        let read_before = plan.start.midpoint(plan.end).max(wanted.end);
        let mut scout = Scout { nodes: &self.nodes, wanted: plan, read_before, found: Vec::new() };
        let until = scout.look(root, 0, 0);
        // A single block that is read at once needs no request.
        if scout.found.len() > 1 || until > wanted.end {
            self.nodes.soon(&scout.found);
        }
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).asked(until);
    }
}

impl ReadAt for DagFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(self.read(buf, offset)?)
    }
}

impl Read<'_> {
    /// Copies the wanted part of the node that starts at byte `start` of the file.
    fn copy(&mut self, cid: &Cid, node: &Node, start: u64, depth: usize) -> Result<(), DataError> {
        let file = match node {
            Node::Leaf(bytes) => {
                self.put(bytes, start);
                return Ok(());
            }
            Node::File(file) if depth < MAX_FILE_DEPTH => file,
            Node::File(_) => {
                let why = format!("there are more than {MAX_FILE_DEPTH} blocks above it");
                return Err(DataError::out_of_bounds(format!("the part {cid} of a file"), why));
            }
            Node::Dir(_) | Node::Shard(_) | Node::Link(_) => {
                return Err(DataError::unusable(
                    format!("block {cid}"),
                    "it is not a part of a file, but linked from one",
                ));
            }
        };
        self.put(&file.inline, start);
        let (from, to) = (self.wanted.start.saturating_sub(start), self.wanted.end - start);
        for (child, child_start, child_end) in file.children(from, to) {
            let whole = from <= child_start && child_end <= to && Code::of(child)? == Code::Raw;
            let part = if whole { self.nodes.get_once(child)? } else { self.nodes.get(child)? };
            check_size(child, &part, child_end - child_start)?;
            self.copy(child, &part, start + child_start, depth + 1)?;
        }
        Ok(())
    }

    /// Copies the wanted part of `bytes`, which start at byte `start` of the file.
    fn put(&mut self, bytes: &[u8], start: u64) {
        let from = self.wanted.start.max(start);
        let to = self.wanted.end.min(start + bytes.len() as u64);
        if from < to {
            let target = small(from - self.wanted.start)..small(to - self.wanted.start);
            self.buf[target].copy_from_slice(&bytes[small(from - start)..small(to - start)]);
        }
    }
}

impl Scout<'_> {
    /// Collects blocks below the node that starts at byte `start` of the file, and returns the end of the known range.
    /// Errors are left to the reader.
    fn look(&mut self, node: &FileNode, start: u64, depth: usize) -> u64 {
        let (from, to) = (self.wanted.start.saturating_sub(start), self.wanted.end.saturating_sub(start));
        for (child, child_start, child_end) in node.children(from, to) {
            let (child_start, child_end) = (start + child_start, start + child_end);
            if self.found.len() >= MAX_ASKED || depth >= MAX_FILE_DEPTH {
                return child_start;
            }
            // A raw block is a leaf; a longer part has other blocks below it.
            let inner = Code::of(child).is_ok_and(|code| code == Code::DagPb)
                && child_end - child_start > MAX_BLOCK_BYTES as u64;
            if !inner {
                self.found.push(*child);
                continue;
            }
            let known = self.nodes.at_hand(child);
            if known.is_none() && child_start >= self.read_before {
                self.found.push(*child);
                return child_start;
            }
            let Some(known) = known.or_else(|| self.nodes.get(child).ok()) else { return child_start };
            let Node::File(file) = &*known else { continue };
            if file.size() != child_end - child_start {
                return child_start;
            }
            let until = self.look(file, child_start, depth + 1);
            if until < child_end.min(self.wanted.end) {
                return until;
            }
        }
        self.wanted.end.min(start.saturating_add(node.size()))
    }
}

fn check_size(cid: &Cid, part: &Node, said: u64) -> Result<(), DataError> {
    let stat = part.stat();
    if stat.kind != Kind::File || stat.size == said {
        return Ok(());
    }
    let why = format!("it holds {} bytes of the file, but the block above it says {said}", stat.size);
    Err(DataError::unusable(format!("block {cid}"), why))
}

/// For lengths that lie within one buffer.
fn small(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
