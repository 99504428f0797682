//! `bacalhau describe`: the record of one job. `render_job` formats it for people.

use clap::Args;
use serde::Serialize;

use super::super::columns::Columns;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::progress_output::Ui;
use super::super::server::Server;
use super::create::Planned;
use super::render_job::RenderedJob;
use bacalhau_api::Description;
use bacalhau_job::Randomness;
use bacalhau_requester::{Repeated, repeat};

const EXAMPLES: &str = "Examples:
  bacalhau describe jkxe5v2q
      bids, executions, votes, and differences
  bacalhau describe jkxe5v2q --shard 7
  bacalhau describe jkxe5v2q --draw
      repeat the draws of its providers; exit code 6 if one differs
  bacalhau describe jkxe5v2q --output yaml";

/// Show a job: bids, executions, verdict, and which executions differ from the result in which files
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Describe {
    /// Job id or unique prefix
    id: String,

    /// Show only this shard, numbered from 0. By default, a job of many shards is shown with one line for each
    #[arg(long, value_name = "N")]
    shard: Option<usize>,

    /// Repeat the draws of providers from the record, instead of showing the job. Exit code 6 if a draw, signature or
    /// secret differs from the record
    #[arg(long)]
    draw: bool,

    /// Show only the spec, in a form that can be edited and submitted
    #[arg(long, conflicts_with_all = ["shard", "draw"])]
    spec: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    server: Server,
}

/// The job, and the part of it to print.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Described {
    pub(super) description: Description,
    #[serde(skip)]
    pub(super) shard: Option<usize>,
}

impl Describe {
    /// Prints the job.
    ///
    /// # Errors
    /// When the job or shard does not exist, or the server does not answer.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let description = self.server.client(&Ui::new(false))?.job(&self.id)?;
        let shards = description.record.shards.len();
        if let Some(shard) = self.shard.filter(|shard| *shard >= shards) {
            return Err(Failure::usage(format!("the job has no shard {shard}: it has {shards}, numbered from 0")));
        }
        if self.spec {
            let spec = description.record.job.request.request.spec;
            if description.withheld {
                let why = "the job is private, and its spec is shown to its client only: use the key that submitted it";
                return Err(Failure::usage(why));
            }
            output::print(self.output, &Planned { spec })?;
            return Ok(Exit::Success);
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
        let draws = repeat(record).map_err(|why| {
            Failure::new(Exit::Different, format!("the draw of job {} cannot be repeated: {why}", record.job.id))
        })?;
        let wanted = |draw: &Repeated| self.shard.is_none_or(|shard| u32::try_from(shard) == Ok(draw.shard));
        output::print(self.output, &Draws { draws: draws.into_iter().filter(wanted).collect() })?;
        Ok(Exit::Success)
    }
}

/// Draws that match the record.
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
        columns.into_text() + "all draws match the record\n"
    }
}

impl Render for Described {
    fn table(&self, paint: Paint) -> String {
        let Description { withheld, record } = &self.description;
        RenderedJob { record, withheld: *withheld, only: self.shard }.text(paint)
    }
}
