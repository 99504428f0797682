//! A finished pack.

use std::collections::BTreeSet;
use std::fs;

use bytes::Bytes;

use super::at;
use super::damage::Damage;
use super::layout::Layout;
use crate::car::{CarFile, Entry, Key, Tail};
use crate::{Block, Cid, DataError};

/// A pack that is open. It can be read also after its file was deleted. Copies of blocks that are damaged do not count,
/// and are written down.
#[derive(Debug)]
pub(super) struct Pack {
    /// Its name without extension. Sorts by age.
    pub(super) id: String,
    /// The archive.
    pub(super) car: CarFile,
    /// Bytes of its file.
    pub(super) bytes: u64,
    /// Known damaged copies.
    pub(super) damage: Damage,
}

/// A damaged copy of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadCopy {
    /// The block; `None` when its CID is damaged too, or unknown.
    pub(super) cid: Option<Cid>,
    /// Index key of the block, if known.
    pub(super) key: Option<Key>,
    /// Where in the pack it is.
    pub(super) at: u64,
}

impl Pack {
    /// The pack `id` of `layout` that was just written as `car`.
    pub(super) fn new(layout: &Layout, id: &str, car: CarFile, bytes: u64) -> Self {
        Self { id: id.into(), car, bytes, damage: Damage::open(layout.damage(id)) }
    }

    /// Opens the pack `id`.
    pub(super) fn open(layout: &Layout, id: &str) -> Result<Self, DataError> {
        let path = layout.pack(id);
        let car = CarFile::open_indexed(&path, layout.index(id), Tail::Dropped)?;
        let bytes = fs::metadata(&path).map_err(|error| at("look at", &path, error))?.len();
        let pack = Self::new(layout, id, car, bytes);
        if let Some(end) = pack.car.torn_at() {
            pack.damage.note(end);
        }
        Ok(pack)
    }

    /// Age for packs made from this one.
    pub(super) fn age(&self) -> &str {
        self.id.split_once('-').map_or(&self.id, |(age, _)| age)
    }

    /// The block of `cid`, where there is a sound copy.
    pub(super) fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        for entry in self.sound(&Key::of(cid))? {
            match self.car.find_at(&entry, cid) {
                Ok(None) => {}
                Err(DataError::Corrupt { .. }) => self.damage.note(entry.at),
                found => return found,
            }
        }
        Ok(None)
    }

    /// The block of `entry`, if this copy of it is sound.
    pub(super) fn read(&self, entry: &Entry) -> Result<Option<Block>, DataError> {
        match self.car.read(entry) {
            Ok(block) => Ok(Some(block)),
            Err(error @ DataError::Io { .. }) => Err(error),
            Err(_) => {
                self.damage.note(entry.at);
                Ok(None)
            }
        }
    }

    /// Size of the block of `cid` in bytes, if it has an undamaged copy.
    pub(super) fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        Ok(self.sound(&Key::of(cid))?.first().map(|entry| entry.len.into()))
    }

    /// Whether the block of `key` has an undamaged copy.
    pub(super) fn has(&self, key: &Key) -> Result<bool, DataError> {
        Ok(!self.sound(key)?.is_empty())
    }

    /// Whether there is `block`, byte for byte.
    pub(super) fn holds(&self, block: &Block) -> Result<bool, DataError> {
        for entry in self.sound(&Key::of(block.cid()))? {
            match self.car.read_unchecked(&entry) {
                Ok((cid, bytes)) if cid.hash() == block.cid().hash() && bytes == block.bytes() => return Ok(true),
                Ok((cid, _)) if cid.hash() != block.cid().hash() => {}
                // An unreadable block is written again.
                Err(DataError::Io { .. }) => {}
                Ok(_) | Err(_) => self.damage.note(entry.at),
            }
        }
        Ok(false)
    }

    /// The damaged copies.
    pub(super) fn bad_copies(&self) -> Result<Vec<BadCopy>, DataError> {
        let places = self.damage.places();
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.car.entries()?;
        let copy = |at: u64| {
            let entry = entries.binary_search_by_key(&at, |entry| entry.at).ok().map(|index| &entries[index]);
            BadCopy { cid: entry.and_then(|entry| self.car.cid_at(entry)), key: entry.map(|entry| entry.key), at }
        };
        Ok(places.into_iter().map(copy).collect())
    }

    /// Reads all of it and records damage. Calls `seen` with the size of each block and whether it is valid.
    pub(super) fn verify(&self, seen: &mut dyn FnMut(u64, bool)) -> Result<(), DataError> {
        let mut bad = BTreeSet::new();
        let entries = self.car.entries()?;
        for entry in &entries {
            // Unreadable counts as damaged.
            let sound = self.car.read(entry).is_ok();
            if !sound {
                bad.insert(entry.at);
            }
            seen(entry.len.into(), sound);
        }
        let end = entries.iter().map(|entry| entry.at + u64::from(entry.cid_len) + u64::from(entry.len)).max();
        bad.extend(end.filter(|end| *end < self.bytes));
        self.damage.replace(bad)
    }

    fn sound(&self, key: &Key) -> Result<Vec<Entry>, DataError> {
        let mut entries = self.car.places(key)?;
        entries.retain(|entry| !self.damage.has(entry.at));
        Ok(entries)
    }
}
