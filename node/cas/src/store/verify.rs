//! Verifies the whole store. Damage is recorded, so that the blocks count as missing and are fetched or written again
//! when needed.

use std::fmt;
use std::path::PathBuf;

use super::pack::BadCopy;
use super::{Pin, Store};
use crate::{Cid, DataError, first_missing};
use bacalhau_values::hex::Hex;

/// Maximum bad blocks listed; more are only counted.
const MOST_LISTED: usize = 1000;

/// Result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Copies of blocks that were read.
    pub blocks: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Copies that are damaged.
    pub damaged_copies: u64,
    /// Of these, copies without a sound one elsewhere in the store.
    pub damaged_blocks: u64,
    /// The damaged copies, at most a thousand of them.
    pub damaged: Vec<BadBlock>,
    /// Unreadable packs with reasons.
    pub unreadable_packs: Vec<String>,
    /// Pins of DAGs that are not complete.
    pub incomplete_pins: Vec<IncompletePin>,
}

/// A copy of a block that is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadBlock {
    /// The block; `None` where its CID cannot be read either.
    pub cid: Option<Cid>,
    /// The beginning of its hash as hexadecimal digits, by which the store finds it; empty where even that is lost.
    pub key: String,
    /// Path of the pack.
    pub pack: PathBuf,
    /// Where in the file.
    pub at: u64,
    /// Whether there is a sound copy elsewhere in the store.
    pub replaced: bool,
}

/// An incomplete pinned DAG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompletePin {
    /// The pin.
    pub pin: Pin,
    /// Why it is not complete.
    pub why: String,
}

impl Store {
    /// Reads every block. Calls `seen` with the number of bytes read.
    ///
    /// # Errors
    /// When the directory cannot be read. Damage is not an error.
    pub fn verify(&self, seen: &mut dyn FnMut(u64)) -> Result<Verified, DataError> {
        self.packs.refresh()?;
        let mut verified = Verified::default();
        for pack in self.packs.all().iter() {
            pack.verify(&mut |bytes, _| {
                verified.blocks += 1;
                verified.bytes += bytes;
                seen(verified.bytes);
            })?;
        }
        for bad in self.bad_blocks()? {
            verified.damaged_copies += 1;
            verified.damaged_blocks += u64::from(!bad.replaced);
            if verified.damaged.len() < MOST_LISTED {
                verified.damaged.push(bad);
            }
        }
        verified.unreadable_packs = self.packs.damaged();
        for pin in self.pins()? {
            let why = match first_missing(self, &pin.cid) {
                Ok(None) => continue,
                Ok(Some(cid)) if cid == pin.cid => "the block itself is missing".into(),
                Ok(Some(cid)) => format!("block {cid} is missing"),
                Err(error @ DataError::Io { .. }) => return Err(error),
                Err(error) => error.to_string(),
            };
            verified.incomplete_pins.push(IncompletePin { pin, why });
        }
        Ok(verified)
    }

    /// All known damaged copies.
    pub(super) fn bad_blocks(&self) -> Result<Vec<BadBlock>, DataError> {
        let mut bad = Vec::new();
        for pack in self.packs.all().iter() {
            for BadCopy { cid, key, at } in pack.bad_copies()? {
                let replaced = key.map_or(Ok(false), |key| self.packs.has(&key))?;
                let key = key.map_or_else(String::new, |key| Hex(&key.0).to_string());
                bad.push(BadBlock { cid, key, pack: self.layout.pack(&pack.id), at, replaced });
            }
        }
        Ok(bad)
    }
}

/// Which block, and where.
impl fmt::Display for BadBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pack, at) = (self.pack.display(), self.at);
        match &self.cid {
            Some(cid) => write!(f, "block {cid}, in {pack} at byte {at}"),
            None if self.key.is_empty() => write!(f, "all blocks in {pack} from byte {at} on"),
            None => write!(f, "the block with the hash prefix {}, in {pack} at byte {at}", self.key),
        }
    }
}
