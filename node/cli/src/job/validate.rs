//! `bacalhau validate`: checks a job file without a server.

use clap::Args;

use super::super::exit::{Exit, Failure};
use super::create::Create;

/// Check a job file without submitting it
#[derive(Args, Debug)]
pub(crate) struct Validate {
    #[command(flatten)]
    create: Create,
}

impl Validate {
    /// Checks the file.
    ///
    /// # Errors
    /// When it is not a valid job, or its program cannot be read.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        self.create.validate()
    }
}
