//! Removes directories and pins of executions that a killed node has left without records.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use bacalhau_tree::HostFailure;

use super::RecordError;
use super::deliver::{Deliverer, execution_of_pin};
use super::record::{Record, Stage};
use super::runner::Runner;
use bacalhau_cas::DataError;
use bacalhau_files::temporary::{self, scrub};
use bacalhau_job::ExecutionId;

/// The executions that a node with these records continues or has results of.
///
/// # Errors
/// When one is not a record of this version.
pub fn needed(records: &[Vec<u8>]) -> Result<BTreeSet<ExecutionId>, RecordError> {
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
    /// Removes the directories of all executions except `needed`, before any run. They are renamed before this returns,
    /// and deleted in the background.
    ///
    /// # Errors
    /// When they cannot be renamed.
    pub fn keep_only(&self, needed: &BTreeSet<ExecutionId>) -> Result<(), HostFailure> {
        let dir = self.dir();
        let failed = |error| HostFailure::at("remove old executions in", dir, error);
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
            // On a full disk, they are deleted first.
            return left.iter().try_for_each(|path| scrub(path)).map_err(failed);
        };
        for (number, path) in left.iter().enumerate() {
            fs::rename(path, heap.path().join(number.to_string())).map_err(failed)?;
        }
        tracing::info!("removed {} directories of ended executions from {}", left.len(), dir.display());
        let remove = move || {
            if let Err(error) = scrub(heap.path()) {
                tracing::warn!("{} could not be removed: {error}", heap.path().display());
            }
        };
        // Without a thread, they are deleted before this returns.
        thread::Builder::new().name("leftovers".into()).spawn(remove).map(drop).or(Ok(()))
    }
}

impl Deliverer {
    /// Unpins DAGs of all executions except `needed`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_only(&self, needed: &BTreeSet<ExecutionId>) -> Result<(), DataError> {
        let Some(store) = self.store() else { return Ok(()) };
        for pin in store.pins()? {
            if execution_of_pin(&pin.name).is_some_and(|execution| !needed.contains(&execution)) {
                store.unpin_listed(&pin)?;
            }
        }
        Ok(())
    }
}
