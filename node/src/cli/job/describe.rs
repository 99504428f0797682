//! `bacalhau describe`: everything that is known of one job. How it looks to people is in `picture`.

use clap::Args;
use serde::Serialize;

use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::server::Server;
use super::super::talk::Talk;
use super::picture::Picture;
use crate::api::Description;

const EXAMPLES: &str = "\
Examples:
  bacalhau describe jkxe5v2q
      who bid, who ran it, who agreed, who differed and in what
  bacalhau describe jkxe5v2q --shard 7
  bacalhau describe jkxe5v2q --output yaml";

/// Show a job: its bids, executions and verdict, who differs from the result and in which files
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Describe {
    /// The job, or the beginning of its name
    id: String,

    /// Show this shard only, counted from 0. Without it, a job of many shards is shown with a line for each
    #[arg(long, value_name = "N")]
    shard: Option<usize>,

    /// How it is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    server: Server,
}

/// The job, and which part of it is shown to people.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Described {
    pub(super) description: Description,
    #[serde(skip)]
    pub(super) shard: Option<usize>,
}

impl Describe {
    /// Prints it.
    ///
    /// # Errors
    /// When there is no such job or shard, or the server cannot be asked.
    pub(in crate::cli) fn run(&self) -> Result<Exit, Failure> {
        let description = self.server.client(&Talk::new(false))?.job(&self.id)?;
        let shards = description.record.shards.len();
        if let Some(shard) = self.shard.filter(|shard| *shard >= shards) {
            return Err(Failure::usage(format!("the job has no shard {shard}: it has {shards}, counted from 0")));
        }
        output::print(self.output, &Described { description, shard: self.shard })?;
        Ok(Exit::Success)
    }
}

impl Render for Described {
    fn table(&self, paint: Paint) -> String {
        let Description { withheld, record } = &self.description;
        Picture { record, withheld: *withheld, only: self.shard }.text(paint)
    }
}
