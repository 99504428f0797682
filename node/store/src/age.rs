//! Age of stored data, for retention: measured in time observed by this node, not by a single clock reading. A restart
//! with a clock far ahead is recorded as a jump, of which one day counts, so a wrong clock deletes nothing.

use std::collections::BTreeSet;

use redb::ReadableTable;

use super::tables::{JUMPS, SEEN};
use super::{JobStore, StoreError};

/// As much of the time between two runs counts as age.
pub const COUNTED_MS: u64 = 24 * 3_600_000;
/// Jumps that are remembered: the latest.
const MOST_JUMPS: usize = 64;

impl JobStore {
    /// Records a process start at `now_ms`, after [`last_ms`](Self::last_ms). Returns by how much more than
    /// [`COUNTED_MS`] the clock has advanced meanwhile, which does not count as age.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn begin(&self, now_ms: u64) -> Result<u64, StoreError> {
        let last_ms = self.last_ms()?;
        let jump_ms = now_ms.saturating_sub(last_ms).saturating_sub(COUNTED_MS);
        if last_ms == 0 || jump_ms == 0 {
            return Ok(0);
        }
        self.write(|transaction| {
            let mut jumps = transaction.open_table(JUMPS)?;
            jumps.insert(now_ms, jump_ms)?;
            let known = jumps.iter()?.map(|jump| Ok(jump?.0.value())).collect::<Result<Vec<u64>, redb::Error>>()?;
            for old in known.iter().rev().skip(MOST_JUMPS) {
                jumps.remove(old)?;
            }
            Ok(())
        })?;
        self.touch(now_ms)?;
        Ok(jump_ms)
    }

    /// The time before which something happened if it is older than `age_ms` at `now_ms`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn before(&self, now_ms: u64, age_ms: u64) -> Result<u64, StoreError> {
        self.read(|transaction| {
            let mut before_ms = now_ms.saturating_sub(age_ms);
            for jump in transaction.open_table(JUMPS)?.range(..=now_ms)?.rev() {
                let (at_ms, jump_ms) = jump.map(|(at_ms, jump_ms)| (at_ms.value(), jump_ms.value()))?;
                if at_ms <= before_ms {
                    break;
                }
                before_ms = before_ms.saturating_sub(jump_ms);
            }
            Ok(before_ms)
        })
    }

    /// Records when each of `names` was first seen, forgets others, and returns those first seen before `before_ms`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn seen_before(&self, names: &[String], now_ms: u64, before_ms: u64) -> Result<Vec<String>, StoreError> {
        self.write(|transaction| {
            let mut seen = transaction.open_table(SEEN)?;
            let known: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            seen.retain(|name, _| known.contains(name))?;
            let mut old = Vec::new();
            for name in names {
                let since_ms = seen.get(&**name)?.map(|since_ms| since_ms.value());
                match since_ms {
                    Some(since_ms) if since_ms < before_ms => old.push(name.clone()),
                    Some(_) => {}
                    None => drop(seen.insert(&**name, now_ms)?),
                }
            }
            Ok(old)
        })
    }
}
