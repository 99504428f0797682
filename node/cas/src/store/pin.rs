//! Pins: one small file for each root that must stay.

use std::fs;
use std::io::ErrorKind;

use super::layout::{Layout, list, sync};
use super::{Lock, Store, at};
use crate::{Cid, DataError, canonical};
use bacalhau_files::temporary;

/// A pinned DAG. Missing blocks are not fetched, but kept when they arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its root, as version 1.
    pub cid: Cid,
    /// Name for people; may be empty.
    pub name: String,
}

/// How the names of pins begin that the node itself makes and lets go of: of data that a client brought along, and of results
/// that a requester has not fetched yet.
pub const BROUGHT: &str = "brought by a client at ";
/// Prefix of pins of delivered results; see [`BROUGHT`].
pub const DELIVERED: &str = "job:";

impl Pin {
    /// Whether the node lets go of it by itself.
    pub fn is_temporary(&self) -> bool {
        self.name.starts_with(BROUGHT) || self.name.starts_with(DELIVERED)
    }
}

impl Store {
    /// Pins the DAG below `cid` with a name. A second pin of the same root changes the name.
    ///
    /// # Errors
    /// When the disk fails; an earlier pin of it stays.
    pub fn pin(&self, cid: &Cid, name: &str) -> Result<(), DataError> {
        let _lock = Lock::shared(&self.layout)?;
        let dir = self.layout.pins();
        let path = dir.join(canonical(cid).to_string());
        let written = temporary::written_in(&dir, name.as_bytes()).and_then(|file| file.persist(&path));
        written.map_err(|error| at("write", &path, error))?;
        sync(&dir)
    }

    /// Pins the DAG below `cid` with `name` if it is not pinned. A permanent pin is unchanged.
    ///
    /// # Errors
    /// As for [`pin`](Self::pin).
    pub fn pin_for_good(&self, cid: &Cid, name: &str) -> Result<(), DataError> {
        let former = self.pins()?.into_iter().find(|pin| pin.cid == canonical(cid));
        match former {
            Some(former) if !former.is_temporary() && (name.is_empty() || !former.name.is_empty()) => Ok(()),
            _ => self.pin(cid, name),
        }
    }

    /// Removes a pin if it is still as listed, and returns whether it was: it may have become permanent.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn unpin_listed(&self, pin: &Pin) -> Result<bool, DataError> {
        let lock = Lock::exclusive(&self.layout)?;
        let path = self.layout.pins().join(pin.cid.to_string());
        let same = fs::read(&path).is_ok_and(|name| String::from_utf8_lossy(&name) == pin.name);
        let unpinned = if same { fs::remove_file(&path).map(|()| true) } else { Ok(false) };
        let unpinned = unpinned.map_err(|error| at("delete", &path, error)).and_then(|unpinned| {
            sync(&self.layout.pins())?;
            Ok(unpinned)
        });
        drop(lock);
        self.budget.something_was_let_go();
        unpinned
    }

    /// Unpins the DAG below `cid`, and returns whether it was pinned. Its blocks stay until the space is needed.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn unpin(&self, cid: &Cid) -> Result<bool, DataError> {
        let lock = Lock::shared(&self.layout)?;
        let path = self.layout.pins().join(canonical(cid).to_string());
        let unpinned = match fs::remove_file(&path) {
            Ok(()) => sync(&self.layout.pins()).map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(at("delete", &path, error)),
        };
        // The holder of the budget may be waiting for the lock.
        drop(lock);
        self.budget.something_was_let_go();
        unpinned
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
