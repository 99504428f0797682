//! The finished packs as seen by this process. Other processes create and delete packs too, so the directory is checked
//! after a missing block, and at intervals to release space of deleted packs.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

use super::layout::{Layout, list, stem};
use super::pack::Pack;
use super::{at, lock};
use crate::car::Key;
use crate::{Block, Cid, DataError};

/// Minimum age of a directory change before later changes can be excluded: file system clocks are coarse.
const SETTLED: Duration = Duration::from_millis(100);
/// How long packs that others deleted are kept open.
const LOOK_EVERY_MS: u64 = 1000;
/// How often a directory that changes is listed again at once.
const TRIES: usize = 16;

/// The packs.
#[derive(Debug)]
pub(super) struct Packs {
    layout: Layout,
    /// Newest first.
    list: RwLock<Arc<Vec<Arc<Pack>>>>,
    /// Locked while the list is changed.
    seen: Mutex<Seen>,
    born: Instant,
    looked_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct Seen {
    /// When the directory was changed last, unless it may have been changed since then.
    changed: Option<SystemTime>,
    /// Packs that cannot be opened, and why.
    damaged: BTreeMap<String, String>,
}

impl Packs {
    /// Creates an empty list.
    pub(super) fn new(layout: &Layout) -> Self {
        let (list, seen) = (RwLock::default(), Mutex::default());
        Self { layout: layout.clone(), list, seen, born: Instant::now(), looked_ms: AtomicU64::new(0) }
    }

    /// All of them, newest first.
    pub(super) fn all(&self) -> Arc<Vec<Arc<Pack>>> {
        self.list.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why some cannot be read at all.
    pub(super) fn damaged(&self) -> Vec<String> {
        lock(&self.seen).damaged.values().cloned().collect()
    }

    /// The block of `cid`, where there is a sound copy.
    pub(super) fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        self.refresh_now_and_then()?;
        self.all().iter().find_map(|pack| pack.find(cid).transpose()).transpose()
    }

    /// Size of the block of `cid` in bytes, if it has an undamaged copy.
    pub(super) fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        self.refresh_now_and_then()?;
        self.all().iter().find_map(|pack| pack.size_of(cid).transpose()).transpose()
    }

    /// Whether the block of `key` has an undamaged copy.
    pub(super) fn has(&self, key: &Key) -> Result<bool, DataError> {
        self.any(|pack| pack.has(key))
    }

    /// Whether there is `block`, byte for byte.
    pub(super) fn holds(&self, block: &Block) -> Result<bool, DataError> {
        self.any(|pack| pack.holds(block))
    }

    /// Whether blocks may be in unreadable data: a pack, or a part of one, without a usable index.
    pub(super) fn have_gaps(&self) -> Result<bool, DataError> {
        let unnamed = |pack: &Pack| Ok(pack.bad_copies()?.iter().any(|copy| copy.key.is_none()));
        Ok(!lock(&self.seen).damaged.is_empty() || self.any(unnamed)?)
    }

    /// Where there is a copy of the block of `key` that is damaged, if there is one.
    pub(super) fn damaged_copy(&self, key: &Key) -> Result<Option<String>, DataError> {
        for pack in self.all().iter() {
            if let Some(entry) = pack.car.places(key)?.iter().find(|entry| pack.damage.has(entry.at)) {
                return Ok(Some(format!("{:?}, at byte {}", pack.car, entry.at)));
            }
        }
        Ok(None)
    }

    fn any(&self, is: impl Fn(&Pack) -> Result<bool, DataError>) -> Result<bool, DataError> {
        for pack in self.all().iter() {
            if is(pack)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads damage that other processes have found.
    pub(super) fn refresh_damage(&self) {
        self.all().iter().for_each(|pack| pack.damage.refresh());
    }

    /// Adds a pack of this process.
    pub(super) fn add(&self, pack: Pack) {
        self.replace(Some(pack), &[]);
    }

    /// Puts a pack in the place of others.
    pub(super) fn replace(&self, new: Option<Pack>, old: &[Arc<Pack>]) {
        let _seen = lock(&self.seen);
        let gone = |id: &str| old.iter().any(|pack| pack.id == id) || new.as_ref().is_some_and(|pack| pack.id == id);
        let mut packs: Vec<_> = self.all().iter().filter(|pack| !gone(&pack.id)).cloned().collect();
        packs.extend(new.map(Arc::new));
        self.set(packs);
    }

    /// Checks for changes by other processes, and returns whether there are any.
    pub(super) fn refresh(&self) -> Result<bool, DataError> {
        let mut seen = lock(&self.seen);
        self.looked_ms.store(self.age_ms(), Ordering::Relaxed);
        let mut changed = self.changed()?;
        if seen.changed == Some(changed) {
            return Ok(false);
        }
        for _ in 0..TRIES {
            let whole = self.reload(&mut seen)?;
            let then = std::mem::replace(&mut changed, self.changed()?);
            if whole && then == changed {
                break;
            }
        }
        let settled = changed.elapsed().is_ok_and(|age| age > SETTLED);
        seen.changed = settled.then_some(changed);
        Ok(true)
    }

    fn refresh_now_and_then(&self) -> Result<(), DataError> {
        if self.age_ms().saturating_sub(self.looked_ms.load(Ordering::Relaxed)) > LOOK_EVERY_MS {
            self.refresh()?;
            self.refresh_damage();
        }
        Ok(())
    }

    /// Opens new packs and forgets deleted ones. Returns whether none was deleted meanwhile.
    fn reload(&self, seen: &mut Seen) -> Result<bool, DataError> {
        let known: BTreeMap<_, _> = self.all().iter().map(|pack| (pack.id.clone(), pack.clone())).collect();
        let (mut packs, mut damaged, mut whole) = (Vec::new(), BTreeMap::new(), true);
        for path in list(&self.layout.packs())? {
            let Some(id) = stem(&path, ".car") else { continue };
            if let Some(pack) = known.get(id) {
                packs.push(pack.clone());
            } else if let Some(why) = seen.damaged.remove(id) {
                damaged.insert(id.to_owned(), why);
            } else {
                match Pack::open(&self.layout, id) {
                    Ok(pack) => packs.push(Arc::new(pack)),
                    Err(_) if !path.exists() => whole = false,
                    Err(error @ DataError::Io { .. }) => return Err(error),
                    Err(error) => drop(damaged.insert(id.to_owned(), error.to_string())),
                }
            }
        }
        seen.damaged = damaged;
        self.set(packs);
        Ok(whole)
    }

    fn set(&self, mut packs: Vec<Arc<Pack>>) {
        packs.sort_unstable_by(|one, other| other.id.cmp(&one.id));
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(packs);
    }

    fn changed(&self) -> Result<SystemTime, DataError> {
        let dir = self.layout.packs();
        fs::metadata(&dir).and_then(|dir| dir.modified()).map_err(|error| at("look at", &dir, error))
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
