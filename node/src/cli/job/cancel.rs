//! `bacalhau cancel`: takes a job back.

use clap::Args;
use serde::Serialize;

use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Lines, Paint, Render};
use super::super::server::Server;
use super::super::talk::Talk;
use crate::job::JobId;

const EXAMPLES: &str = "\
Examples:
  bacalhau cancel jkxe5v2q
      the beginning of a name is enough where no other job has it";

/// Take a job back. Only who submitted it can
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Cancel {
    /// The job, or the beginning of its name
    id: String,

    /// Print nothing
    #[arg(short, long)]
    quiet: bool,

    /// How the answer is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    server: Server,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Cancelled {
    id: JobId,
}

impl Cancel {
    /// Says so to the server.
    ///
    /// # Errors
    /// When it cannot be reached, or the job is somebody else's or has ended.
    pub(in crate::cli) fn run(&self) -> Result<Exit, Failure> {
        let id = self.server.client(&Talk::new(self.quiet))?.cancel(&self.id)?;
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
