//! Which blocks must stay: those below pins and claims. What is not there is gone over: DAGs are pinned before they are
//! complete, and grow from their roots.

use std::collections::HashSet;

use super::claim::Claimed;
use super::pack::Pack;
use super::{Store, pin};
use crate::car::{Entry, Key};
use crate::{Cid, DataError, canonical, has_links, identity_bytes, links};

/// What must stay.
#[derive(Debug)]
pub(super) struct Marks {
    blocks: HashSet<Key>,
    packs: HashSet<String>,
    /// Nodes of which there are only damaged copies: what is below them is not known.
    pub(super) damaged: Vec<Cid>,
}

impl Marks {
    /// Only the packs in `claims`.
    pub(super) fn of_packs(claims: &[Claimed]) -> Self {
        let packs = claims.iter().filter_map(|claimed| match claimed {
            Claimed::Pack(id) => Some(id.clone()),
            Claimed::Root(_) | Claimed::Block(_) => None,
        });
        Self { blocks: HashSet::new(), packs: packs.collect(), damaged: Vec::new() }
    }

    /// Whether nothing of `pack` may be moved or dropped.
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
    /// Goes over all that is pinned or in `claims`.
    pub(super) fn mark(&self, claims: &[Claimed]) -> Result<Marks, DataError> {
        let mut marks = Marks::of_packs(claims);
        let mut pending: Vec<Cid> = pin::pins(&self.layout)?.iter().map(|pin| pin.cid).collect();
        for claimed in claims {
            match claimed {
                Claimed::Root(cid) => pending.push(*cid),
                Claimed::Block(key) => drop(marks.blocks.insert(*key)),
                Claimed::Pack(_) => {}
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
                // What is malformed has nothing below it.
                Ok(Some(bytes)) => pending.extend(links(&cid, &bytes).unwrap_or_default()),
                Ok(None) if have_gaps || self.packs.damaged_copy(&key)?.is_some() => marks.damaged.push(cid),
                Err(error @ DataError::Io { .. }) => return Err(error),
                Ok(None) | Err(_) => {}
            }
        }
        Ok(marks)
    }
}
