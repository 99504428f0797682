//! A finished pack.

use super::layout::Layout;
use crate::cas::DataError;
use crate::cas::car::{CarFile, Entry, Tail};

/// A pack that is open. It can be read also after its file was deleted.
#[derive(Debug)]
pub(super) struct Pack {
    /// Its name without extension. Sorts by age.
    pub(super) id: String,
    /// Its blocks.
    pub(super) car: CarFile,
}

impl Pack {
    /// Opens the pack `id`.
    pub(super) fn open(layout: &Layout, id: &str) -> Result<Self, DataError> {
        let car = CarFile::open_indexed(&layout.pack(id), layout.index(id), Tail::Dropped)?;
        Ok(Self { id: id.into(), car })
    }

    /// What packs that are made of this one have as their age.
    pub(super) fn age(&self) -> &str {
        self.id.split_once('-').map_or(&self.id, |(age, _)| age)
    }

    /// Bytes of its blocks.
    pub(super) fn bytes(&self) -> Result<u64, DataError> {
        Ok(sum(&self.car.entries()?))
    }
}

/// Bytes of blocks.
pub(super) fn sum(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| u64::from(entry.len)).sum()
}
