//! Traverses all blocks of a DAG in archive order: each once, parents before children, first links first. For export,
//! pins and prefetching. Lazy, with read-ahead for a fast network.

use std::collections::HashSet;
use std::iter::FusedIterator;
use std::sync::Arc;

use bytes::Bytes;

use super::node::Node;
use super::{Bounds, Meta, MetaKind};
use crate::{BlockSource, Cid, Code, DataError, canonical, identity_bytes, links};

/// Target of read-ahead in bytes, with sizes estimated from earlier blocks.
const AHEAD_BYTES: u64 = 32 << 20;
/// Minimum and maximum blocks of read-ahead.
const AHEAD_BLOCKS: (u64, u64) = (16, 1024);
/// Estimated size of a block before the first one.
const GUESSED_BYTES: u64 = 256 << 10;

/// Which blocks below the root, as gateways name it in `dag-scope`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Only the root.
    Block,
    /// Blocks to read a file, or to list a directory without its entries. Of other codecs only the root.
    Entity,
    /// All blocks.
    #[default]
    All,
}

impl Scope {
    /// As gateways call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Entity => "entity",
            Self::All => "all",
        }
    }
}

/// The traversal. Ends after the first error. Includes identity CIDs.
#[derive(Debug)]
pub struct Walk {
    blocks: Arc<dyn BlockSource>,
    root: Cid,
    scope: Scope,
    bounds: Bounds,
    /// Remaining blocks, the next one last.
    pending: Vec<Pending>,
    seen: HashSet<Cid>,
    bytes: u64,
    /// Blocks to visit before the next read-ahead.
    unhurried: usize,
}

#[derive(Debug)]
struct Pending {
    cid: Cid,
    depth: usize,
    asked: bool,
}

impl Walk {
    /// Walks `scope` of the DAG below `root`.
    pub fn new(blocks: Arc<dyn BlockSource>, root: &Cid, scope: Scope, bounds: Bounds) -> Self {
        let pending = vec![Pending { cid: *root, depth: 0, asked: true }];
        Self { blocks, root: *root, scope, bounds, pending, seen: HashSet::new(), bytes: 0, unhurried: 0 }
    }

    fn visit(&mut self, next: &Pending) -> Result<(Cid, Bytes), DataError> {
        let Pending { cid, depth, .. } = next;
        self.check(self.seen.len(), *depth)?;
        let block = match identity_bytes(cid) {
            Some(bytes) => bytes,
            None => self.blocks.get(cid)?,
        };
        self.bytes = self.bytes.saturating_add(block.len() as u64);
        self.check(self.seen.len(), *depth)?;
        let mut links = self.links(cid, &block)?;
        let mut fresh = HashSet::new();
        links.retain(|link| !self.seen.contains(&canonical(link)) && fresh.insert(canonical(link)));
        // Bounded like visited blocks, because most will be visited.
        self.check(self.pending.len() + links.len(), *depth)?;
        let found = !links.is_empty();
        let links = links.into_iter().rev();
        self.pending.extend(links.map(|cid| Pending { cid, depth: depth + 1, asked: false }));
        if found || self.unhurried == 0 {
            self.ask_ahead();
        } else {
            self.unhurried -= 1;
        }
        Ok((*cid, block))
    }

    fn links(&self, cid: &Cid, block: &Bytes) -> Result<Vec<Cid>, DataError> {
        match self.scope {
            Scope::Block => Ok(Vec::new()),
            Scope::All => links(cid, block),
            Scope::Entity => match Code::of(cid)? {
                Code::Raw => Ok(Vec::new()),
                Code::DagPb => entity_links(cid, block),
            },
        }
    }

    fn ask_ahead(&mut self) {
        let visited = self.seen.len() as u64;
        let mean = self.bytes.checked_div(visited).unwrap_or(GUESSED_BYTES).max(1);
        let window = usize::try_from((AHEAD_BYTES / mean).clamp(AHEAD_BLOCKS.0, AHEAD_BLOCKS.1)).unwrap_or_default();
        let mut wanted = Vec::new();
        for next in self.pending.iter_mut().rev().take(window).filter(|next| !next.asked) {
            next.asked = true;
            if !self.seen.contains(&canonical(&next.cid)) && identity_bytes(&next.cid).is_none() {
                wanted.push(next.cid);
            }
        }
        if !wanted.is_empty() {
            self.blocks.soon(&wanted);
        }
        self.unhurried = window / 2;
    }

    fn check(&self, blocks: usize, depth: usize) -> Result<(), DataError> {
        self.bounds.check(&format!("the DAG {}", self.root), blocks, self.bytes, depth)
    }
}

impl Iterator for Walk {
    type Item = Result<(Cid, Bytes), DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = self.pending.pop()?;
            if self.seen.insert(canonical(&next.cid)) {
                let visited = self.visit(&next);
                if visited.is_err() {
                    self.pending.clear();
                }
                return Some(visited);
            }
        }
    }
}

impl FusedIterator for Walk {}

/// The links of a file, or those of a shard to other shards; none otherwise.
fn entity_links(cid: &Cid, block: &Bytes) -> Result<Vec<Cid>, DataError> {
    let node = crate::dag_pb::Node::decode(cid, block.clone())?;
    match node.data.and_then(|data| Meta::decode(data).ok()).map(|meta| meta.kind) {
        Some(MetaKind::Raw | MetaKind::File) => Ok(node.links.into_iter().map(|link| link.cid).collect()),
        Some(MetaKind::HamtShard) => match Node::read(cid, block.clone())? {
            Node::Shard(shard) => Ok(shard.shards().copied().collect()),
            _ => Ok(Vec::new()),
        },
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests;
