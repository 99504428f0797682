//! What a killed node has left of executions that it needs no more: their records were gone, and their directories and pins were
//! not yet.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use bacalhau_runtime::HostFailure;

use super::deliver::{Deliverer, execution_of_pin};
use super::record::{Record, Stage};
use super::runner::Runner;
use crate::cas::DataError;
use crate::job::ExecutionId;
use crate::temporary::{self, scrub};

/// The executions that a node with these records goes on with, or has results of.
///
/// # Errors
/// When one is not a record of this version.
pub(crate) fn needed(records: &[Vec<u8>]) -> Result<BTreeSet<ExecutionId>, String> {
    let mut needed = BTreeSet::new();
    for bytes in records {
        let record = Record::decode(bytes)?;
        for (shard, found) in (0..).zip(&record.shards) {
            match &found.stage {
                Stage::Running(number) => drop(needed.insert(record.job.id().execution(shard, *number))),
                Stage::Proposed(proposed) => drop(needed.insert(record.job.id().execution(shard, proposed.number))),
                Stage::Waiting | Stage::Idle | Stage::Bid | Stage::Lapsed | Stage::Over => {}
            }
        }
    }
    Ok(needed)
}

impl Runner {
    /// Removes the directories of all executions but `needed`, before any is run. They are out of the way when this returns,
    /// and gone some time later.
    ///
    /// # Errors
    /// When they cannot be moved out of the way.
    pub(crate) fn keep_only(&self, needed: &BTreeSet<ExecutionId>) -> Result<(), HostFailure> {
        let dir = self.dir();
        let failed = |error| HostFailure::at("remove what executions have left in", dir, error);
        let mut left = Vec::new();
        for entry in fs::read_dir(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let execution =
                entry.file_name().to_str().and_then(|name| name.replace('-', ":").parse::<ExecutionId>().ok());
            if execution.is_some_and(|execution| !needed.contains(&execution)) {
                left.push(entry.path());
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        let Ok(heap) = temporary::dir_in(dir) else {
            // On a full disk, room is made first.
            return left.iter().try_for_each(|path| scrub(path)).map_err(failed);
        };
        for (number, path) in left.iter().enumerate() {
            fs::rename(path, heap.path().join(number.to_string())).map_err(failed)?;
        }
        tracing::info!("{} directories of executions that were over are removed from {}", left.len(), dir.display());
        let remove = move || {
            if let Err(error) = scrub(heap.path()) {
                tracing::warn!("{} could not be removed: {error}", heap.path().display());
            }
        };
        // Without a thread they are removed when this ends.
        thread::Builder::new().name("leftovers".into()).spawn(remove).map(drop).or(Ok(()))
    }
}

impl Deliverer {
    /// Lets go of what was imported for the requesters of all executions but `needed`.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn keep_only(&self, needed: &BTreeSet<ExecutionId>) -> Result<(), DataError> {
        let Some(store) = self.store() else { return Ok(()) };
        for pin in store.pins()? {
            if execution_of_pin(&pin.name).is_some_and(|execution| !needed.contains(&execution)) {
                store.unpin_listed(&pin)?;
            }
        }
        Ok(())
    }
}
