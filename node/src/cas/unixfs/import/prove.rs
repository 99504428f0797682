//! Whether a tree is what a CID names, where its blocks are not at hand: it is imported again, by every known profile
//! that could have given this CID, until one does.

use std::fmt;

use bacalhau_runtime::{Kind, Tree};
use cid::{Cid, Version};

use super::{Block, Profile, import};
use crate::cas::{Code, DataError, MAX_BLOCK_BYTES, SHA2_256, canonical, check};

/// How a tree was shown to be what a CID names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The file is the one plain block of the CID, however it was made.
    Block,
    /// Imported by this profile, it has the CID.
    Profile(Profile),
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block => f.pad("one block"),
            Self::Profile(profile) => profile.fmt(f),
        }
    }
}

/// Shows that `tree` is what `cid` names. `None` says that no known profile gives this CID: it is other data, or it was
/// imported in another way.
///
/// Reads the tree once for each profile that has to be tried.
///
/// # Errors
/// When the tree cannot be read, or the CID is of a kind that this version does not read.
pub fn prove(tree: &dyn Tree, cid: &Cid) -> Result<Option<Proof>, DataError> {
    let stat = tree.stat("").map_err(|error| DataError::io(format!("look at the copy of {cid}"), error))?;
    match Code::of(cid)? {
        Code::Raw if stat.kind == Kind::File && stat.size <= MAX_BLOCK_BYTES as u64 => {
            prove_block(tree, stat.size, cid)
        }
        Code::Raw => Ok(None),
        Code::DagPb if cid.hash().code() != SHA2_256 => Ok(None),
        Code::DagPb => {
            // What fits into one plain chunk has the CID of a plain block.
            let plain = |profile: Profile| {
                let layout = profile.layout();
                layout.raw_leaves && stat.kind == Kind::File && stat.size <= layout.chunk_bytes as u64
            };
            // Only this one asks for version 0, but its CIDs may be written in version 1.
            let other_version =
                |profile: Profile| cid.version() == Version::V0 && profile.layout().cid_version == Version::V1;
            for profile in Profile::ALL {
                if plain(profile) || other_version(profile) {
                    continue;
                }
                let imported = import(tree, profile, &mut |_: Block| Ok(()))?;
                if canonical(&imported.cid) == canonical(cid) {
                    return Ok(Some(Proof::Profile(profile)));
                }
            }
            Ok(None)
        }
    }
}

fn prove_block(tree: &dyn Tree, size: u64, cid: &Cid) -> Result<Option<Proof>, DataError> {
    let failed = |error| DataError::io(format!("read the copy of {cid}"), error);
    // One more than there should be: a file that grows is no block.
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(MAX_BLOCK_BYTES) + 1];
    let read = tree.open("").and_then(|file| file.read_at(&mut bytes, 0)).map_err(failed)?;
    match check(cid, &bytes[..read]) {
        Ok(()) => Ok(Some(Proof::Block)),
        Err(DataError::Corrupt { .. } | DataError::OutOfBounds { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
