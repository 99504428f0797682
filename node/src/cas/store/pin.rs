//! What stays until somebody says otherwise: one small file for each root.

use std::fs;
use std::io::{ErrorKind, Write};

use cid::Cid;
use tempfile::NamedTempFile;

use super::layout::{Layout, list, sync};
use super::{Lock, Store, at};
use crate::cas::{DataError, canonical};

/// A DAG that is kept. Blocks of it that are not here are fetched by nobody, and kept once they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its root, as version 1.
    pub cid: Cid,
    /// What people call it; may be empty.
    pub name: String,
}

impl Store {
    /// Keeps the DAG below `cid`, under a name for people. A second pin of the same changes the name.
    ///
    /// # Errors
    /// When the disk fails; a former pin of it stands then.
    pub fn pin(&self, cid: &Cid, name: &str) -> Result<(), DataError> {
        let _lock = Lock::shared(&self.layout)?;
        let dir = self.layout.pins();
        let path = dir.join(canonical(cid).to_string());
        let write = || {
            let mut file = NamedTempFile::new_in(&dir)?;
            file.write_all(name.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|error| at("write", &path, error))?;
        sync(&dir)
    }

    /// Lets go of the DAG below `cid`, and says whether it was pinned. It stays until the place is needed.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn unpin(&self, cid: &Cid) -> Result<bool, DataError> {
        let _lock = Lock::shared(&self.layout)?;
        self.budget.something_was_let_go();
        let path = self.layout.pins().join(canonical(cid).to_string());
        match fs::remove_file(&path) {
            Ok(()) => sync(&self.layout.pins()).map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(at("delete", &path, error)),
        }
    }

    /// All pins, by CID.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn pins(&self) -> Result<Vec<Pin>, DataError> {
        pins(&self.layout)
    }
}

/// All pins.
pub(super) fn pins(layout: &Layout) -> Result<Vec<Pin>, DataError> {
    let mut pins = Vec::new();
    for path in list(&layout.pins())? {
        let cid = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let Some(cid) = cid else { continue };
        match fs::read(&path) {
            Ok(name) => pins.push(Pin { cid, name: String::from_utf8_lossy(&name).into() }),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(at("read", &path, error)),
        }
    }
    Ok(pins)
}
