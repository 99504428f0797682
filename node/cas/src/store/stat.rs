//! Statistics of a store.

use super::Store;
use crate::DataError;

/// Statistics of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Size on disk in bytes: packs, indexes and open packs.
    pub bytes: u64,
    /// Bytes that it may have.
    pub max_bytes: u64,
    /// Blocks in finished packs. One that was written by two at once counts twice until packs are merged.
    pub blocks: u64,
    /// Bytes of these blocks that are pinned.
    pub pinned_bytes: u64,
    /// Number of finished packs.
    pub packs: usize,
    /// Unreadable packs with reasons, and known damaged blocks without a valid copy. At most 100 of these.
    pub damaged: Vec<String>,
    /// Number of known damaged blocks without a valid copy.
    pub damaged_blocks: u64,
}

/// Damaged blocks that are listed.
const MOST_LISTED: usize = 100;

impl Store {
    /// Examines the whole store. Reads all nodes of pinned DAGs and no other blocks: `verify` does.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn stat(&self) -> Result<Stat, DataError> {
        self.packs.refresh()?;
        self.packs.refresh_damage();
        let (packs, marks) = (self.packs.all(), self.mark(&[])?);
        let mut bad = self.bad_blocks()?;
        bad.retain(|bad| !bad.replaced);
        let listed = bad.iter().take(MOST_LISTED).map(|bad| format!("{bad}: its bytes have another hash"));
        let mut stat = Stat {
            bytes: self.layout.usage()?,
            max_bytes: self.options.max_bytes,
            blocks: packs.iter().map(|pack| pack.car.blocks() as u64).sum(),
            pinned_bytes: 0,
            packs: packs.len(),
            damaged: self.packs.damaged().into_iter().chain(listed).collect(),
            damaged_blocks: bad.len() as u64,
        };
        for pack in packs.iter() {
            stat.pinned_bytes += marks.bytes_of(pack)?;
        }
        Ok(stat)
    }
}
