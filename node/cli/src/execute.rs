//! `bacalhau execute`: the worker of a cluster. A front node prepares an execution in a shared directory, and its
//! scheduler starts this command there.

use std::path::PathBuf;

use clap::Args;

use super::compile;
use super::exit::{Exit, Failure};
use bacalhau_files::private;
use bacalhau_service::worker;

const EXAMPLES: &str = "Examples:
  bacalhau execute /nfs/bacalhau/PNNVaKTBrDDSnFqW/executions/fq6p6hbhiqlkhmwwg3vfysnzmdyq7ihe-0-1

A node with compute.dispatcher submits this command to its scheduler. The exit code is 0 when there is a report, also one
that says why the execution failed.";

/// Run one execution that a node has prepared for a worker of its cluster
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Execute {
    /// Directory of the execution in the shared directory
    dir: PathBuf,

    /// Name of this worker in the report [default: the name of the machine]
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    worker: String,
}

impl Execute {
    /// Runs the execution.
    ///
    /// # Errors
    /// When there is no report.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        private::by_default();
        worker::execute(&self.dir, &self.worker, compile::command()?)?;
        Ok(Exit::Success)
    }
}
