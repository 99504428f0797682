//! Marks live blocks: those below pins and leases. Missing blocks are skipped: DAGs are pinned before they are
//! complete, and grow from their roots.

use std::collections::HashSet;

use super::lease::Leased;
use super::pack::Pack;
use super::{Store, pin};
use crate::car::{Entry, Key};
use crate::{Cid, DataError, canonical, has_links, identity_bytes, links};

/// The live blocks.
#[derive(Debug)]
pub(super) struct Marks {
    blocks: HashSet<Key>,
    packs: HashSet<String>,
    /// Nodes with only damaged copies, so that the blocks below are unknown.
    pub(super) damaged: Vec<Cid>,
}

impl Marks {
    /// Only the packs in `leases`.
    pub(super) fn of_packs(leases: &[Leased]) -> Self {
        let packs = leases.iter().filter_map(|leased| match leased {
            Leased::Pack(id) => Some(id.clone()),
            Leased::Root(_) | Leased::Block(_) => None,
        });
        Self { blocks: HashSet::new(), packs: packs.collect(), damaged: Vec::new() }
    }

    /// Whether no block of `pack` may be moved or removed.
    pub(super) fn has_pack(&self, pack: &Pack) -> bool {
        self.packs.contains(&pack.id)
    }

    /// Whether the block of `entry` stays.
    pub(super) fn has(&self, entry: &Entry) -> bool {
        self.blocks.contains(&entry.key)
    }

    /// Bytes of the blocks of `pack` that stay.
    pub(super) fn bytes_of(&self, pack: &Pack) -> Result<u64, DataError> {
        let entries = pack.car.entries()?;
        let stays = entries.iter().filter(|entry| self.has_pack(pack) || self.has(entry));
        Ok(stays.map(|entry| u64::from(entry.len)).sum())
    }
}

impl Store {
    /// Traverses everything that is pinned or in `leases`.
    pub(super) fn mark(&self, leases: &[Leased]) -> Result<Marks, DataError> {
        let mut marks = Marks::of_packs(leases);
        let mut pending: Vec<Cid> = pin::pins(&self.layout)?.iter().map(|pin| pin.cid).collect();
        for leased in leases {
            match leased {
                Leased::Root(cid) => pending.push(*cid),
                Leased::Block(key) => drop(marks.blocks.insert(*key)),
                Leased::Pack(_) => {}
            }
        }
        let mut nodes = HashSet::new();
        let have_gaps = self.packs.have_gaps()?;
        while let Some(cid) = pending.pop() {
            let cid = canonical(&cid);
            let key = Key::of(&cid);
            marks.blocks.insert(key);
            if !has_links(&cid) || !nodes.insert(canonical(&cid)) {
                continue;
            }
            match identity_bytes(&cid).map_or_else(|| self.look(&cid), |bytes| Ok(Some(bytes))) {
                // A malformed block has no links.
                Ok(Some(bytes)) => pending.extend(links(&cid, &bytes).unwrap_or_default()),
                Ok(None) if have_gaps || self.packs.damaged_copy(&key)?.is_some() => marks.damaged.push(cid),
                Err(error @ DataError::Io { .. }) => return Err(error),
                Ok(None) | Err(_) => {}
            }
        }
        Ok(marks)
    }
}
