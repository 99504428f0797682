//! A run that has ended, and whose results are not yet anywhere: to be looked at, and then kept or dropped.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bacalhau_tree::Deadline;

use crate::engine::Backend;
use crate::error::Error;
use crate::job::Job;
use crate::outcome::Outcome;
use crate::receipt::{Receipt, Unclaimed};
use crate::results;
use crate::sandbox::Ended;
use crate::staging::Staging;
use crate::trail::CallTrail;

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

    /// Fuel used: all of it if it ran out, and after a trap or a full stack what was charged up to the last checkpoint.
    pub fn fuel(&self) -> u64 {
        self.ended.fuel
    }

    /// What the program called: evidence for whoever compares runs, and no part of any claim.
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
        let Self { job, mut ended, staging, backend, deadline } = self;
        results::check_free(results)?;
        let (path, dir) = staging.make("results")?;
        let links_dropped = results::fill(&dir, &job, ended.outcome, &mut ended.world, &deadline)?;
        if links_dropped > 0 {
            ended.notes.push(format!("symbolic links that stayed in the sandbox, as all do: {links_dropped}"));
        }
        let claim = results::claim_results(&path, results, job, ended.outcome, ended.fuel, &deadline)?;
        Ok(Receipt { claim, signatures: Vec::new(), unclaimed: unclaimed(backend, ended.notes) })
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
    Unclaimed {
        version: concat!("bacalhau-runtime ", env!("CARGO_PKG_VERSION")).into(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        backend: backend.name().into(),
        notes,
        ..Unclaimed::default()
    }
}
