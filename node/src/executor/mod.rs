//! What runs one execution of a job. Where its module and inputs come from, and how many executions there are, is
//! decided elsewhere.

#[cfg(test)]
pub(crate) mod fake;
mod wasm;

use std::path::Path;
use std::time::Duration;

use bacalhau_runtime::{Error, Inputs, Job, Receipt};

pub use wasm::WasmExecutor;

/// Runs one execution of a job into a results directory.
pub trait Executor: Send + Sync {
    /// Runs `job` over `inputs`. `results` must not exist, its parent must; after an error nothing is there.
    ///
    /// # Errors
    /// A refusal is every machine's answer; a host failure is this one's only, and never a vote.
    fn run(&self, job: &Job, inputs: &Inputs, results: &Path, timeout: Duration) -> Result<Receipt, Error>;
}
