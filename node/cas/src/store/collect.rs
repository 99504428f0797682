//! Garbage collection: removes unused blocks, oldest packs first, and merges small packs. A pack is deleted only after
//! its live blocks are on disk elsewhere.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::layout::{list, stem};
use super::lease::Leased;
use super::mark::Marks;
use super::open_pack::OpenPack;
use super::pack::Pack;
use super::{Lock, Store, remove};
use crate::car::Entry;
use crate::{Cid, DataError};

/// Number of packs that are merged regardless of size. Larger packs are merged only if they are not much larger than
/// the others together, so that a block is copied a few times in its life.
const MERGED_AT_LEAST: usize = 32;
/// Age after which a temporary file counts as abandoned.
const LEFT_FOR_GOOD: Duration = Duration::from_hours(1);

/// Result of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Bytes that the disk has got back.
    pub freed_bytes: u64,
    /// Bytes that the store has now.
    pub kept_bytes: u64,
    /// Of these, bytes of blocks that could not have been dropped.
    pub pinned_bytes: u64,
    /// Damaged nodes of DAGs that are pinned or leased. Nothing is removed while there are any, because the blocks
    /// below them are unknown.
    pub damaged: Vec<Cid>,
}

impl Store {
    /// Drops blocks that are neither pinned nor in use until the store has at most `target_bytes`; 0 drops all of them.
    ///
    /// # Errors
    /// When the disk fails, or another process has been tidying the store for long.
    pub fn collect(&self, target_bytes: u64) -> Result<Collected, DataError> {
        let lock = Lock::exclusive(&self.layout)?;
        let collected = self.collect_alone(target_bytes, &lock);
        drop(lock);
        self.budget.forget();
        collected
    }

    /// Like `collect`, with the lock already held.
    pub(super) fn collect_alone(&self, target_bytes: u64, lock: &Lock) -> Result<Collected, DataError> {
        self.finish_orphans(lock)?;
        self.sweep_leftovers()?;
        self.packs.refresh()?;
        self.packs.refresh_damage();
        let before = self.layout.usage()?;
        let marks = self.mark(&Leased::all(&self.layout, lock)?)?;
        for pack in self.packs.all().iter().rev() {
            if self.layout.usage()? <= target_bytes || !marks.damaged.is_empty() {
                break;
            }
            let is_replaced = !pack.damage.places().is_empty() && !self.lacks_copies(pack)?;
            let goes = |entry: &Entry| !marks.has(entry) || is_replaced && pack.damage.has(entry.at);
            if !marks.has_pack(pack) && pack.car.entries()?.iter().any(goes) {
                self.rewrite(std::slice::from_ref(pack), |entry| marks.has(entry), lock)?;
            }
        }
        self.merge_marked(&marks, lock)?;
        let mut pinned_bytes = 0;
        for pack in self.packs.all().iter() {
            pinned_bytes += marks.bytes_of(pack)?;
        }
        let kept_bytes = self.layout.usage()?;
        let freed_bytes = before.saturating_sub(kept_bytes);
        Ok(Collected { freed_bytes, kept_bytes, pinned_bytes, damaged: marks.damaged })
    }

    /// Puts small packs together.
    pub(super) fn merge(&self, lock: &Lock) -> Result<(), DataError> {
        self.merge_marked(&Marks::of_packs(&Leased::all(&self.layout, lock)?), lock)
    }

    fn merge_marked(&self, marks: &Marks, lock: &Lock) -> Result<(), DataError> {
        let mut packs = Vec::new();
        for pack in self.packs.all().iter().filter(|pack| !marks.has_pack(pack)) {
            if !self.lacks_copies(pack)? {
                packs.push(pack.clone());
            }
        }
        packs.sort_unstable_by_key(|pack| pack.bytes);
        let (mut sum, mut group) = (0, Vec::new());
        for pack in packs {
            if group.len() >= MERGED_AT_LEAST && pack.bytes > sum / 2 || sum + pack.bytes > self.pack_bytes() {
                break;
            }
            sum += pack.bytes;
            group.push(pack);
        }
        if group.len() < MERGED_AT_LEAST {
            return Ok(());
        }
        group.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        self.rewrite(&group, |_| true, lock)
    }

    /// Whether `pack` has damaged blocks without another copy.
    fn lacks_copies(&self, pack: &Pack) -> Result<bool, DataError> {
        for copy in pack.bad_copies()? {
            if !copy.key.map_or(Ok(false), |key| self.packs.has(&key))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Replaces packs, oldest first, by one with their live blocks. Changes nothing when a live block is damaged
    /// without another copy: its damaged copy records that it is missing.
    fn rewrite(&self, packs: &[Arc<Pack>], stays: impl Fn(&Entry) -> bool, lock: &Lock) -> Result<(), DataError> {
        let Some(oldest) = packs.first() else { return Ok(()) };
        let open_pack = OpenPack::create(&self.layout, oldest.age(), lock)?;
        for pack in packs {
            for entry in pack.car.entries()?.iter().filter(|entry| stays(entry)) {
                match pack.read(entry)? {
                    Some(block) => open_pack.append(&block)?,
                    None if self.packs.has(&entry.key)? => {}
                    None => return Ok(()),
                }
            }
        }
        let new = open_pack.finish(&self.layout, lock)?;
        self.packs.replace(new, packs);
        for pack in packs {
            remove(&self.layout.pack(&pack.id))?;
            remove(&self.layout.index(&pack.id))?;
            remove(&self.layout.damage(&pack.id))?;
        }
        Ok(())
    }

    /// Deletes companions of deleted packs, and temporary files of ended processes.
    fn sweep_leftovers(&self) -> Result<(), DataError> {
        for path in list(&self.layout.packs())?.into_iter().chain(list(&self.layout.pins())?) {
            let of_a_pack = stem(&path, ".idx").or_else(|| stem(&path, ".bad"));
            let orphan = of_a_pack.is_some_and(|id| !self.layout.pack(id).exists());
            let temporary = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".tmp"));
            let age = || fs::metadata(&path).and_then(|file| file.modified()).ok()?.elapsed().ok();
            if orphan || temporary && age().is_some_and(|age| age > LEFT_FOR_GOOD) {
                remove(&path)?;
            }
        }
        Ok(())
    }
}
