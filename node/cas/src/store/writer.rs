//! Writes into a store. Blocks that it has written or found are not collected while it lives; to keep a DAG, pin its
//! root before the writer is finished.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::layout::{now, sync};
use super::lease::{LeaseFile, Leased};
use super::open_pack::OpenPack;
use super::{Lock, Store, lock};
use crate::car::Key;
use crate::{Block, DataError, IDENTITY};

/// Packs that are merged when there are more.
const MAX_PACKS: usize = 64;
/// Size at which a pack is finished and the next one started. A crash costs hashing that many bytes again.
const PACK_BYTES: std::ops::RangeInclusive<u64> = 4 << 20..=8 << 30;

/// Writes blocks into its own packs. Blocks are readable in this process at once, and durable after
/// [`commit`](Self::commit) or [`finish`](Self::finish). Uncommitted blocks may be lost.
pub struct Writer {
    store: Arc<Store>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    lease: Option<LeaseFile>,
    open_pack: Option<Arc<OpenPack>>,
}

impl Writer {
    /// A writer to `store`. Creates no files yet.
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store, open: Mutex::default() }
    }

    /// Writes a block, unless the store has a valid copy.
    ///
    /// # Errors
    /// When the store is full of pinned or leased blocks, or the disk fails.
    pub fn write(&self, block: &Block) -> Result<(), DataError> {
        let (key, mut open) = (Key::of(block.cid()), lock(&self.open));
        let written = open.open_pack.as_ref().is_some_and(|open_pack| open_pack.has(&key));
        if written || block.cid().hash().code() == IDENTITY || open.claim_if_there(&self.store, block)? {
            return Ok(());
        }
        self.store.reserve(block.bytes().len() as u64)?;
        let open_pack = open.open_pack(&self.store)?;
        open_pack.append(block)?;
        if open_pack.len() >= self.store.pack_bytes() {
            open.publish(&self.store)?;
        }
        Ok(())
    }

    /// Makes all written blocks durable. Afterwards only pins and leases keep them.
    ///
    /// # Errors
    /// When the disk fails; committed blocks are not lost.
    pub fn commit(&self) -> Result<(), DataError> {
        let mut open = lock(&self.open);
        open.publish(&self.store)?;
        open.lease = None;
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
        // Nothing was acknowledged, but existing blocks need not be fetched again.
        let mut open = lock(&self.open);
        if open.publish(&self.store).is_err() {
            open.forget_draft(&self.store);
        }
        self.store.budget.something_was_let_go();
    }
}

impl Open {
    /// Whether `block` is in a pack, byte for byte; it is leased then.
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
        self.lease(store, &Leased::Block(key), &lock)?;
        Ok(true)
    }

    fn lease(&mut self, store: &Store, what: &Leased, lock: &Lock) -> Result<(), DataError> {
        let lease = match &mut self.lease {
            Some(lease) => lease,
            none => none.insert(LeaseFile::new(&store.layout, lock)?),
        };
        lease.add(what, lock)
    }

    fn open_pack(&mut self, store: &Store) -> Result<Arc<OpenPack>, DataError> {
        if let Some(open_pack) = &self.open_pack {
            return Ok(open_pack.clone());
        }
        let lock = Lock::shared(&store.layout)?;
        let open_pack = Arc::new(OpenPack::create(&store.layout, &now(), &lock)?);
        store.open_packs.write().unwrap_or_else(PoisonError::into_inner).push(open_pack.clone());
        self.open_pack = Some(open_pack.clone());
        Ok(open_pack)
    }

    /// Finishes the open pack.
    fn publish(&mut self, store: &Store) -> Result<(), DataError> {
        let Some(open_pack) = self.open_pack.clone() else { return Ok(()) };
        open_pack.settle()?;
        {
            let lock = Lock::shared(&store.layout)?;
            self.lease(store, &Leased::Pack(open_pack.id().into()), &lock)?;
            store.packs.add(open_pack.publish(&store.layout, &lock)?);
        }
        self.forget_draft(store);
        sync(&store.layout.packs())
    }

    fn forget_draft(&mut self, store: &Store) {
        let Some(open_pack) = self.open_pack.take() else { return };
        store
            .open_packs
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|other| !Arc::ptr_eq(other, &open_pack));
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
        // The current holder, or the next one, does this too.
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
