//! Writes into a store. What it has written, or found to be there, is not collected while it lives, so whoever wants to keep
//! a DAG pins its root before the writer is finished.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::claim::{Claim, Claimed};
use super::draft::Draft;
use super::layout::{now, sync};
use super::{Lock, Store, lock};
use crate::car::Key;
use crate::{Block, DataError, IDENTITY};

/// Packs that are merged when there are more.
const MAX_PACKS: usize = 64;
/// Bytes after which a pack is finished and the next one begun. A crash costs the hashing of so many.
const PACK_BYTES: std::ops::RangeInclusive<u64> = 4 << 20..=8 << 30;

/// Writes blocks into packs of its own. Blocks can be read in this process as soon as they are written; they are safe on disk
/// after [`commit`](Self::commit) or [`finish`](Self::finish). What was written and never committed may stay or not.
pub struct Writer {
    store: Arc<Store>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    claim: Option<Claim>,
    draft: Option<Arc<Draft>>,
}

impl Writer {
    /// Into `store`. Nothing is made on disk yet.
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store, open: Mutex::default() }
    }

    /// Writes a block, unless a sound copy of it is there.
    ///
    /// # Errors
    /// When the store is full of what is pinned or in use, or the disk fails.
    pub fn write(&self, block: &Block) -> Result<(), DataError> {
        let (key, mut open) = (Key::of(block.cid()), lock(&self.open));
        let written = open.draft.as_ref().is_some_and(|draft| draft.has(&key));
        if written || block.cid().hash().code() == IDENTITY || open.claim_if_there(&self.store, block)? {
            return Ok(());
        }
        self.store.reserve(block.bytes().len() as u64)?;
        let draft = open.draft(&self.store)?;
        draft.append(block)?;
        if draft.len() >= self.store.pack_bytes() {
            open.publish(&self.store)?;
        }
        Ok(())
    }

    /// Brings everything that was written so far to the disk. From then on only pins and holds keep it there.
    ///
    /// # Errors
    /// When the disk fails; nothing is lost that was committed before.
    pub fn commit(&self) -> Result<(), DataError> {
        let mut open = lock(&self.open);
        open.publish(&self.store)?;
        open.claim = None;
        drop(open);
        self.store.merge_where_there_are_many()
    }

    /// Commits, and ends.
    ///
    /// # Errors
    /// See [`commit`](Self::commit).
    pub fn finish(self) -> Result<(), DataError> {
        self.commit()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Nobody was promised anything, but what is there need not be fetched again.
        let mut open = lock(&self.open);
        if open.publish(&self.store).is_err() {
            open.forget_draft(&self.store);
        }
        self.store.budget.something_was_let_go();
    }
}

impl Open {
    /// Whether `block` is in a pack, byte for byte; it is claimed then.
    fn claim_if_there(&mut self, store: &Store, block: &Block) -> Result<bool, DataError> {
        if !store.packs.holds(block)? {
            return Ok(false);
        }
        let (key, lock) = (Key::of(block.cid()), Lock::shared(&store.layout)?);
        // It may have been collected a moment ago, but not from now on.
        let still = if store.packs.refresh()? { store.packs.holds(block)? } else { store.packs.has(&key)? };
        if !still {
            return Ok(false);
        }
        self.claim(store, &Claimed::Block(key), &lock)?;
        Ok(true)
    }

    fn claim(&mut self, store: &Store, what: &Claimed, lock: &Lock) -> Result<(), DataError> {
        let claim = match &mut self.claim {
            Some(claim) => claim,
            none => none.insert(Claim::new(&store.layout, lock)?),
        };
        claim.add(what, lock)
    }

    fn draft(&mut self, store: &Store) -> Result<Arc<Draft>, DataError> {
        if let Some(draft) = &self.draft {
            return Ok(draft.clone());
        }
        let lock = Lock::shared(&store.layout)?;
        let draft = Arc::new(Draft::create(&store.layout, &now(), &lock)?);
        store.drafts.write().unwrap_or_else(PoisonError::into_inner).push(draft.clone());
        self.draft = Some(draft.clone());
        Ok(draft)
    }

    /// Makes a pack of the draft.
    fn publish(&mut self, store: &Store) -> Result<(), DataError> {
        let Some(draft) = self.draft.clone() else { return Ok(()) };
        draft.settle()?;
        {
            let lock = Lock::shared(&store.layout)?;
            self.claim(store, &Claimed::Pack(draft.id().into()), &lock)?;
            store.packs.add(draft.publish(&store.layout, &lock)?);
        }
        self.forget_draft(store);
        sync(&store.layout.packs())
    }

    fn forget_draft(&mut self, store: &Store) {
        let Some(draft) = self.draft.take() else { return };
        store.drafts.write().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, &draft));
    }
}

impl Store {
    /// Bytes of a pack that is full.
    pub(super) fn pack_bytes(&self) -> u64 {
        (self.options.max_bytes / 32).clamp(*PACK_BYTES.start(), *PACK_BYTES.end())
    }

    fn merge_where_there_are_many(&self) -> Result<(), DataError> {
        self.packs.refresh()?;
        if self.packs.all().len() <= MAX_PACKS {
            return Ok(());
        }
        // Whoever has it now does this as well, or the next one does.
        let Some(lock) = Lock::try_exclusive(&self.layout)? else { return Ok(()) };
        self.packs.refresh()?;
        if self.packs.all().len() > MAX_PACKS { self.merge(&lock) } else { Ok(()) }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "writer into {:?}", self.store)
    }
}
