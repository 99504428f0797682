//! `bacalhau describe`: everything that is known of one job. How it looks to people is in `picture`.

use clap::Args;
use serde::Serialize;

use super::super::columns::Columns;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::server::Server;
use super::super::talk::Talk;
use super::picture::Picture;
use crate::api::Description;
use crate::job::Randomness;
use crate::requester::{Repeated, repeat};

const EXAMPLES: &str = "\
Examples:
  bacalhau describe jkxe5v2q
      who bid, who ran it, who agreed, who differed and in what
  bacalhau describe jkxe5v2q --shard 7
  bacalhau describe jkxe5v2q --draw
      repeat the draws of its providers; code 6 if one comes out differently
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

    /// Repeat the draws by which providers were chosen, from the record, instead of showing the job. Ends with code 6 where a
    /// draw, a signature or a secret is not what the record says
    #[arg(long)]
    draw: bool,

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
        if self.draw {
            return self.repeat(&description);
        }
        output::print(self.output, &Described { description, shard: self.shard })?;
        Ok(Exit::Success)
    }
}

impl Describe {
    fn repeat(&self, description: &Description) -> Result<Exit, Failure> {
        let record = &description.record;
        let draws = repeat(record).map_err(|why| Failure {
            exit: Exit::Different,
            message: format!("the draw of job {} cannot be repeated: {why}", record.job.id),
        })?;
        let wanted = |draw: &Repeated| self.shard.is_none_or(|shard| u32::try_from(shard) == Ok(draw.shard));
        output::print(self.output, &Draws { draws: draws.into_iter().filter(wanted).collect() })?;
        Ok(Exit::Success)
    }
}

/// Draws that came out as the record says.
#[derive(Debug, Serialize)]
struct Draws {
    draws: Vec<Repeated>,
}

impl Render for Draws {
    fn table(&self, _: Paint) -> String {
        let mut columns = Columns::default();
        columns.add(["SHARD", "DRAW", "MODE", "RANDOMNESS", "BIDDERS", "EXECUTIONS"].map(str::to_owned));
        for draw in &self.draws {
            let executions: Vec<String> = draw.executions.iter().map(ToString::to_string).collect();
            let randomness = match &draw.randomness {
                None => "none".to_owned(),
                Some(Randomness::Reveal) => "secrets of requester and bidders".to_owned(),
                Some(Randomness::Beacon { round, .. }) => format!("beacon round {round}"),
            };
            columns.add([
                draw.shard.to_string(),
                draw.round.to_string(),
                draw.mode.to_string(),
                randomness,
                draw.bidders.to_string(),
                executions.join(", "),
            ]);
        }
        columns.into_text() + "all draws come out as recorded\n"
    }
}

impl Render for Described {
    fn table(&self, paint: Paint) -> String {
        let Description { withheld, record } = &self.description;
        Picture { record, withheld: *withheld, only: self.shard }.text(paint)
    }
}
