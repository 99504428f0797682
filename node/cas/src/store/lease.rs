//! Leases: a locked file of a living process that names roots of DAGs, single blocks, or whole packs that it needs. It
//! has no effect after its owner has ended, so crashes need no cleanup.

use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use super::layout::{Layout, create, list, now};
use super::lock::try_lock;
use super::{Lock, Store, at, remove};
use crate::car::Key;
use crate::{Cid, DataError, canonical};
use bacalhau_values::hex::Hex;

/// The file of a lease of this process.
#[derive(Debug)]
pub(super) struct LeaseFile {
    file: File,
    path: PathBuf,
}

/// The subject of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leased {
    /// All blocks of the DAG below a root.
    Root(Cid),
    /// A block.
    Block(Key),
    /// All blocks in a pack.
    Pack(String),
}

/// A lease that keeps a DAG, or the existing part of it, in the store. Dropping it releases the DAG.
pub struct GcLease {
    store: Arc<Store>,
    lease: LeaseFile,
}

impl LeaseFile {
    /// Creates a lease. Collections cannot see it before it is locked, because the caller holds the store lock.
    pub(super) fn new(layout: &Layout, _: &Lock) -> Result<Self, DataError> {
        let (file, path) = create(&layout.leases(), &now(), "")?;
        let lease = Self { file, path };
        try_lock(&lease.file, &lease.path)?;
        Ok(lease)
    }

    /// Adds a subject.
    pub(super) fn add(&mut self, what: &Leased, _: &Lock) -> Result<(), DataError> {
        self.file.write_all(what.line().as_bytes()).map_err(|error| at("write", &self.path, error))
    }
}

impl Drop for LeaseFile {
    fn drop(&mut self) {
        // If it stays, it is without a lock in a moment.
        let _ = fs::remove_file(&self.path);
    }
}

impl Leased {
    /// The subjects of all leases of living processes. Files of ended processes are deleted.
    pub(super) fn all(layout: &Layout, _: &Lock) -> Result<Vec<Self>, DataError> {
        let mut all = Vec::new();
        for path in list(&layout.leases())? {
            let Ok(file) = File::open(&path) else { continue };
            if try_lock(&file, &path)? {
                remove(&path)?;
                continue;
            }
            // It may be dropped just now, without the lock of the store.
            let Ok(text) = fs::read_to_string(&path) else { continue };
            all.extend(text.lines().filter_map(Self::parse));
        }
        Ok(all)
    }

    fn line(&self) -> String {
        match self {
            Self::Root(cid) => format!("root {}\n", canonical(cid)),
            Self::Block(Key(bytes)) => format!("block {}\n", Hex(bytes)),
            Self::Pack(id) => format!("pack {id}\n"),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        Some(match line.split_once(' ')? {
            ("root", cid) => Self::Root(cid.parse().ok()?),
            ("block", hex) => {
                let number = u128::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 2 * Key::BYTES)?;
                Self::Block(Key(number.to_be_bytes()))
            }
            ("pack", id) => Self::Pack(id.into()),
            _ => return None,
        })
    }
}

impl Store {
    /// Leases the DAG below `cid`, including blocks added later, until the lease is dropped or this process ends.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn hold(self: &Arc<Self>, cid: &Cid) -> Result<GcLease, DataError> {
        self.hold_all(std::slice::from_ref(cid))
    }

    /// Keeps the DAGs below all of `roots`, as [`hold`](Self::hold) does.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn hold_all(self: &Arc<Self>, roots: &[Cid]) -> Result<GcLease, DataError> {
        let lock = Lock::shared(&self.layout)?;
        let mut lease = LeaseFile::new(&self.layout, &lock)?;
        roots.iter().try_for_each(|root| lease.add(&Leased::Root(*root), &lock))?;
        Ok(GcLease { store: self.clone(), lease })
    }
}

impl Drop for GcLease {
    fn drop(&mut self) {
        self.store.budget.something_was_let_go();
    }
}

impl fmt::Debug for GcLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hold {}", self.lease.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, Code};

    #[test]
    fn lines_come_back_and_torn_ones_do_not() {
        let cid = *Block::of(Code::DagPb, "x").cid();
        for leased in [Leased::Root(cid), Leased::Block(Key::of(&cid)), Leased::Pack("0-a".into())] {
            let line = leased.line();
            assert_eq!(Leased::parse(line.trim_end()), Some(leased));
        }
        for line in ["", "root", "root x", "block 12", "other x"] {
            assert_eq!(Leased::parse(line), None, "{line}");
        }
    }
}
