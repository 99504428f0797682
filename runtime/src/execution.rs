//! An ended run whose results are not stored yet: inspect it, then keep or drop it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bacalhau_tree::Deadline;

use crate::engine::Backend;
use crate::error::Error;
use crate::hashed::Results;
use crate::results;
use crate::sandbox::Ended;
use crate::staging::Staging;
use bacalhau_receipt::{CallTrail, Job, Outcome, Receipt, Unclaimed};

/// How a run ended, with the files that it left. Dropping it drops them.
pub struct Execution {
    pub(crate) job: Job,
    pub(crate) ended: Ended,
    pub(crate) staging: Arc<Staging>,
    pub(crate) backend: Backend,
    pub(crate) deadline: Deadline,
}

impl Execution {
    /// How the program ended.
    pub fn outcome(&self) -> Outcome {
        self.ended.outcome
    }

    /// Fuel used: all of it if it was exhausted; after a trap or stack overflow, the amount charged up to the last
    /// checkpoint.
    pub fn fuel(&self) -> u64 {
        self.ended.fuel
    }

    /// The guest's host calls: evidence for comparing runs, not part of a claim.
    pub fn calls(&self) -> &CallTrail {
        &self.ended.calls
    }

    /// Puts the results into a new directory at `results`, on the file system of the run's workplace, and hashes it. It
    /// appears there whole or not at all.
    ///
    /// Of [`Receipt::unclaimed`] the runtime fills in `version`, `platform`, `backend` and `notes`.
    ///
    /// # Errors
    /// When there is something at `results`, it cannot be written, or the deadline of the run passes before it is there.
    pub fn keep(self, results: &Path) -> Result<Receipt, Error> {
        results::check_free(results)?;
        let hashed = self.hash()?;
        hashed.keep(results)?;
        Ok(hashed.receipt().clone())
    }

    /// Hashes the results in the run's workplace, to read them or to keep them later.
    ///
    /// # Errors
    /// When they cannot be written there, or the deadline of the run passes.
    pub fn hash(self) -> Result<Results, Error> {
        let Self { job, mut ended, staging, backend, deadline } = self;
        let (path, dir) = staging.make("results")?;
        let left = results::fill(&dir, &job, ended.outcome, &mut ended.world, &deadline)?;
        ended.notes.extend(left.notes(job.outputs.values()));
        let claim = results::claim(&path, job, ended.outcome, ended.fuel, &deadline)?;
        let receipt = Receipt::new(claim, unclaimed(backend, ended.notes));
        Ok(Results::new(receipt, dir, path, staging))
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("outcome", &self.outcome())
            .field("fuel", &self.fuel())
            .finish_non_exhaustive()
    }
}

fn unclaimed(backend: Backend, notes: Vec<String>) -> Unclaimed {
    let mut unclaimed = Unclaimed::default();
    unclaimed.version = concat!("bacalhau-runtime ", env!("CARGO_PKG_VERSION")).into();
    unclaimed.platform = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    unclaimed.backend = backend.name().into();
    unclaimed.notes = notes;
    unclaimed
}
