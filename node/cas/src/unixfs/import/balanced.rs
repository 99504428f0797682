//! The tree above the chunks of one file: all chunks equally deep, every node full but the last of its level.

use super::out::{Out, Part};
use crate::DataError;
use crate::dag_pb::Node;
use crate::unixfs::{Meta, MetaKind};

/// A balanced tree under construction. Full nodes are emitted at once, so every block comes after those below it, and
/// only one node of each level is held.
#[derive(Debug, Default)]
pub(super) struct Balanced {
    levels: Vec<Vec<Part>>,
}

impl Balanced {
    /// Adds the next chunk.
    pub(super) fn push(&mut self, leaf: Part, out: &mut Out<'_>) -> Result<(), DataError> {
        self.push_at(0, leaf, out)
    }

    fn push_at(&mut self, mut level: usize, mut part: Part, out: &mut Out<'_>) -> Result<(), DataError> {
        loop {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            self.levels[level].push(part);
            if self.levels[level].len() < out.layout.links_per_node {
                return Ok(());
            }
            part = self.node_of(level, out)?;
            level += 1;
        }
    }

    /// Emits the remaining nodes, and returns the root part, which is the chunk itself if there is only one.
    pub(super) fn finish(&mut self, out: &mut Out<'_>) -> Result<Option<Part>, DataError> {
        let mut level = 0;
        while level < self.levels.len() {
            let is_top = level + 1 == self.levels.len();
            if is_top && self.levels[level].len() == 1 {
                break;
            }
            if !self.levels[level].is_empty() {
                let node = self.node_of(level, out)?;
                self.push_at(level + 1, node, out)?;
            }
            level += 1;
        }
        let root = self.levels.pop().and_then(|mut top| top.pop());
        self.levels.clear();
        Ok(root)
    }

    fn node_of(&mut self, level: usize, out: &mut Out<'_>) -> Result<Part, DataError> {
        let parts = std::mem::take(&mut self.levels[level]);
        let file_size = parts.iter().map(|part| part.file_size).sum();
        let meta = Meta {
            file_size: Some(file_size),
            block_sizes: parts.iter().map(|part| part.file_size).collect(),
            ..Meta::of(MetaKind::File)
        };
        let links = parts.iter().map(|part| part.link("")).collect();
        out.put_node(&Node { links, data: Some(meta.encode().into()) }, file_size)
    }
}
