//! Makes room: drops what nobody needs, oldest packs first, and puts small packs together. A pack goes only when what stays
//! of it is safe on disk elsewhere.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::claim::Claimed;
use super::draft::Draft;
use super::layout::{list, stem};
use super::mark::Marks;
use super::pack::Pack;
use super::{Lock, Store, remove};
use crate::car::Entry;
use crate::{Cid, DataError};

/// Packs that are merged whatever their sizes. Of larger ones, only those that are not much larger than the others together:
/// so a block is copied a few times in its life.
const MERGED_AT_LEAST: usize = 32;
/// After which nobody is still writing a temporary file.
const LEFT_FOR_GOOD: Duration = Duration::from_hours(1);

/// What a collection did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Bytes that the disk has got back.
    pub freed_bytes: u64,
    /// Bytes that the store has now.
    pub kept_bytes: u64,
    /// Of these, bytes of blocks that could not have been dropped.
    pub pinned_bytes: u64,
    /// Nodes of what is pinned or in use that are damaged. Nothing is dropped while there are any: which blocks are below
    /// them is not known.
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

    /// The same, for who has the lock.
    pub(super) fn collect_alone(&self, target_bytes: u64, lock: &Lock) -> Result<Collected, DataError> {
        self.finish_orphans(lock)?;
        self.sweep_leftovers()?;
        self.packs.refresh()?;
        self.packs.refresh_damage();
        let before = self.layout.usage()?;
        let marks = self.mark(&Claimed::all(&self.layout, lock)?)?;
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
        self.merge_marked(&Marks::of_packs(&Claimed::all(&self.layout, lock)?), lock)
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

    /// Whether blocks of `pack` are damaged of which there is no other copy.
    fn lacks_copies(&self, pack: &Pack) -> Result<bool, DataError> {
        for copy in pack.bad_copies()? {
            if !copy.key.map_or(Ok(false), |key| self.packs.has(&key))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Replaces packs, oldest first, by one of those blocks of theirs that stay. Leaves all as it is when a block that stays
    /// is damaged and has no other copy: the damaged one says that it is lacking, and not unknown.
    fn rewrite(&self, packs: &[Arc<Pack>], stays: impl Fn(&Entry) -> bool, lock: &Lock) -> Result<(), DataError> {
        let Some(oldest) = packs.first() else { return Ok(()) };
        let draft = Draft::create(&self.layout, oldest.age(), lock)?;
        for pack in packs {
            for entry in pack.car.entries()?.iter().filter(|entry| stays(entry)) {
                match pack.read(entry)? {
                    Some(block) => draft.append(&block)?,
                    None if self.packs.has(&entry.key)? => {}
                    None => return Ok(()),
                }
            }
        }
        let new = draft.finish(&self.layout, lock)?;
        self.packs.replace(new, packs);
        for pack in packs {
            remove(&self.layout.pack(&pack.id))?;
            remove(&self.layout.index(&pack.id))?;
            remove(&self.layout.damage(&pack.id))?;
        }
        Ok(())
    }

    /// Deletes what belongs to packs that are gone, and files that somebody who died was about to rename.
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
