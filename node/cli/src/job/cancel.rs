//! `bacalhau cancel`: cancels a job.

use clap::Args;
use serde::Serialize;

use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::progress_output::Ui;
use super::super::server::Server;
use bacalhau_job::JobId;

const EXAMPLES: &str = "Examples:
  bacalhau cancel jkxe5v2q
      a unique prefix of the job id is enough";

/// Cancel a job. Only the client that submitted it can
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Cancel {
    /// Job id or unique prefix
    id: String,

    /// Print nothing
    #[arg(short, long)]
    quiet: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    server: Server,
}

/// The output of the command.
#[derive(Debug, Serialize)]
struct Cancelled {
    id: JobId,
}

impl Cancel {
    /// Sends the cancellation.
    ///
    /// # Errors
    /// When the server cannot be reached, or the job belongs to another client or has ended.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let id = self.server.client(&Ui::new(self.quiet))?.cancel(&self.id)?;
        if !self.quiet {
            output::print(self.output, &Cancelled { id })?;
        }
        Ok(Exit::Success)
    }
}

impl Render for Cancelled {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("cancelled", self.id.to_string());
        lines.into_text()
    }
}
