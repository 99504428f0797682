//! Deletes old ended jobs, in small transactions, so that other users do not wait long.

use redb::{Error, ReadableTable, ReadableTableMetadata as _, WriteTransaction};

use super::quota;
use super::summary::JobSummary;
use super::tables::{DRAWS, EVENTS, JOBS, SHARDS, SUMMARIES, decode};
use super::{JobStore, StoreError};

/// Jobs that are deleted in one transaction.
const AT_ONCE: usize = 64;

/// Which jobs stay. The default is all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Keep this many newest jobs. Default: all.
    pub keep_last: Option<usize>,
    /// Keep jobs that ended at this time or later, in Unix milliseconds. Default: all.
    pub since_ms: Option<u64>,
}

impl JobStore {
    /// Deletes ended jobs beyond `retention` with their events, and returns their number.
    ///
    /// # Errors
    /// When the disk fails. Some may be deleted then.
    pub fn prune(&self, retention: Retention) -> Result<usize, StoreError> {
        let doomed = self.read(|transaction| {
            let lines = transaction.open_table(SUMMARIES)?;
            let kept = retention.keep_last.map_or(u64::MAX, |kept| kept as u64);
            let too_many = lines.len()?.saturating_sub(kept);
            let mut doomed = Vec::new();
            // Oldest first: the rest of the list is not read, as no job ended before it was made.
            for (older, line) in (0..).zip(lines.iter()?) {
                let (key, line) = line?;
                let may_be_old = retention.since_ms.is_some_and(|since| key.value().0 < since);
                let is_too_many = older < too_many;
                if !is_too_many && !may_be_old {
                    break;
                }
                let job: JobSummary = decode("a line of the list", line.value())?;
                let too_old = retention.since_ms.zip(job.ended_ms).is_some_and(|(since, ended)| ended < since);
                if job.state.is_final() && (is_too_many || too_old) {
                    doomed.push((job.created_ms, job.id.to_string()));
                }
            }
            Ok(doomed)
        })?;
        forget(self, &doomed)?;
        Ok(doomed.len())
    }
}

/// Deletes jobs, by when they were made and their names.
pub(super) fn forget(store: &JobStore, doomed: &[(u64, String)]) -> Result<(), StoreError> {
    for some in doomed.chunks(AT_ONCE) {
        store.write(|transaction| some.iter().try_for_each(|(created_ms, id)| delete(transaction, *created_ms, id)))?;
    }
    Ok(())
}

fn delete(transaction: &WriteTransaction, created_ms: u64, id: &str) -> Result<(), Error> {
    transaction.open_table(SUMMARIES)?.remove((created_ms, id))?;
    transaction.open_table(JOBS)?.remove(id)?;
    transaction.open_table(SHARDS)?.retain_in((id, 0)..=(id, u32::MAX), |_, _| false)?;
    transaction.open_table(DRAWS)?.retain_in((id, 0)..=(id, u32::MAX), |_, _| false)?;
    transaction.open_table(EVENTS)?.retain_in((id, 0)..=(id, u64::MAX), |_, _| false)?;
    quota::end(transaction, id)
}
