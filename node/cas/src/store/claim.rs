//! What somebody who lives needs of the store, in a file that is locked by them: roots of DAGs, single blocks, whole packs. It
//! counts for nothing once its owner is gone, so nobody has to clean up after a crash.

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

/// A claim of this process.
#[derive(Debug)]
pub(super) struct Claim {
    file: File,
    path: PathBuf,
}

/// What is claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    /// A block and all below it.
    Root(Cid),
    /// A block.
    Block(Key),
    /// Whatever is in a pack.
    Pack(String),
}

/// Keeps a DAG in the store, or what there is of it, while a job runs. Dropping it lets go.
pub struct Hold {
    store: Arc<Store>,
    claim: Claim,
}

impl Claim {
    /// Makes one. Whoever collects cannot see it before it is locked, since it holds the lock.
    pub(super) fn new(layout: &Layout, _: &Lock) -> Result<Self, DataError> {
        let (file, path) = create(&layout.claims(), &now(), "")?;
        let claim = Self { file, path };
        try_lock(&claim.file, &claim.path)?;
        Ok(claim)
    }

    /// Adds to it.
    pub(super) fn add(&mut self, what: &Claimed, _: &Lock) -> Result<(), DataError> {
        self.file.write_all(what.line().as_bytes()).map_err(|error| at("write", &self.path, error))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // If it stays, it is without a lock in a moment.
        let _ = fs::remove_file(&self.path);
    }
}

impl Claimed {
    /// Everything that is claimed by the living. Files of the dead are deleted.
    pub(super) fn all(layout: &Layout, _: &Lock) -> Result<Vec<Self>, DataError> {
        let mut all = Vec::new();
        for path in list(&layout.claims())? {
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
    /// Keeps the DAG below `cid`, or what there is and comes of it, until the hold is dropped or this process ends.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn hold(self: &Arc<Self>, cid: &Cid) -> Result<Hold, DataError> {
        self.hold_all(std::slice::from_ref(cid))
    }

    /// Keeps the DAGs below all of `roots`, as [`hold`](Self::hold) does.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn hold_all(self: &Arc<Self>, roots: &[Cid]) -> Result<Hold, DataError> {
        let lock = Lock::shared(&self.layout)?;
        let mut claim = Claim::new(&self.layout, &lock)?;
        roots.iter().try_for_each(|root| claim.add(&Claimed::Root(*root), &lock))?;
        Ok(Hold { store: self.clone(), claim })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.store.budget.something_was_let_go();
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hold {}", self.claim.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, Code};

    #[test]
    fn lines_come_back_and_torn_ones_do_not() {
        let cid = *Block::of(Code::DagPb, "x").cid();
        for claimed in [Claimed::Root(cid), Claimed::Block(Key::of(&cid)), Claimed::Pack("0-a".into())] {
            let line = claimed.line();
            assert_eq!(Claimed::parse(line.trim_end()), Some(claimed));
        }
        for line in ["", "root", "root x", "block 12", "other x"] {
            assert_eq!(Claimed::parse(line), None, "{line}");
        }
    }
}
