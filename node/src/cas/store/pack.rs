//! A finished pack.

use std::fs;

use super::at;
use super::layout::Layout;
use crate::cas::DataError;
use crate::cas::car::{CarFile, Tail};

/// A pack that is open. It can be read also after its file was deleted.
#[derive(Debug)]
pub(super) struct Pack {
    /// Its name without extension. Sorts by age.
    pub(super) id: String,
    /// Its blocks.
    pub(super) car: CarFile,
    /// Bytes of its file.
    pub(super) bytes: u64,
}

impl Pack {
    /// Opens the pack `id`.
    pub(super) fn open(layout: &Layout, id: &str) -> Result<Self, DataError> {
        let path = layout.pack(id);
        let car = CarFile::open_indexed(&path, layout.index(id), Tail::Dropped)?;
        let bytes = fs::metadata(&path).map_err(|error| at("look at", &path, error))?.len();
        Ok(Self { id: id.into(), car, bytes })
    }

    /// What packs that are made of this one have as their age.
    pub(super) fn age(&self) -> &str {
        self.id.split_once('-').map_or(&self.id, |(age, _)| age)
    }
}
