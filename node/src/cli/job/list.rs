//! `bacalhau list`: the jobs of a server, newest first.

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::super::columns::Columns;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::server::Server;
use super::super::talk::Talk;
use super::super::text;
use crate::api::{ApiClient, ListParams};
use crate::job::JobState;
use crate::store::JobSummary;

/// Jobs that are asked for at once.
const PAGE: usize = 1000;
/// Characters of the name of a program that are shown.
const PROGRAM_CHARS: usize = 40;

const STATES: [JobState; 6] = [
    JobState::Bidding,
    JobState::InProgress,
    JobState::Completed,
    JobState::CompletedPartially,
    JobState::Failed,
    JobState::Cancelled,
];

const EXAMPLES: &str = "\
Examples:
  bacalhau list
  bacalhau list -n 50 --state Failed
  bacalhau list --all --label nightly --output json";

/// List the jobs of a server, newest first
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "these are flags")]
pub(in crate::cli) struct List {
    /// How many are shown
    #[arg(short, long, value_name = "N", default_value_t = 10, conflicts_with = "all")]
    number: usize,

    /// Show all of them
    #[arg(long)]
    all: bool,

    /// The oldest of those that are shown first
    #[arg(long)]
    reverse: bool,

    /// Those that stand here only
    #[arg(long, value_name = "STATE", ignore_case = true,
          value_parser = PossibleValuesParser::new(["Bidding", "InProgress", "Completed", "CompletedPartially", "Failed", "Cancelled"]))]
    state: Option<String>,

    /// Those with this label only
    #[arg(short, long, value_name = "LABEL")]
    label: Option<String>,

    /// Those with this in their names only
    #[arg(long, value_name = "TEXT")]
    id_filter: Option<String>,

    /// Those that were submitted from here only
    #[arg(long)]
    mine: bool,

    /// Show names at full length
    #[arg(long)]
    wide: bool,

    /// Leave out the line above the columns
    #[arg(long)]
    hide_header: bool,

    /// How they are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    server: Server,
}

/// The list, and how it is shown to people.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Jobs {
    list: Vec<JobSummary>,
    #[serde(skip)]
    wide: bool,
    #[serde(skip)]
    header: bool,
}

impl List {
    /// Prints them.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub(in crate::cli) fn run(&self) -> Result<Exit, Failure> {
        let client = self.server.client(&Talk::new(false))?;
        let mut jobs = self.jobs(&client)?;
        if self.reverse {
            jobs.reverse();
        }
        output::print(self.output, &Jobs { list: jobs, wide: self.wide, header: !self.hide_header })?;
        Ok(Exit::Success)
    }

    fn jobs(&self, client: &ApiClient) -> Result<Vec<JobSummary>, Failure> {
        let wanted = if self.all { usize::MAX } else { self.number };
        let state = STATES
            .into_iter()
            .find(|state| self.state.as_ref().is_some_and(|wanted| wanted.eq_ignore_ascii_case(&state.to_string())));
        let mut params = ListParams {
            state,
            client: if self.mine { Some(self.server.identity()?.peer_id().to_string()) } else { None },
            label: self.label.clone(),
            id: self.id_filter.clone(),
            after: None,
            limit: None,
        };
        let mut jobs = Vec::new();
        while jobs.len() < wanted {
            params.limit = Some(PAGE.min(wanted - jobs.len()));
            let page = client.jobs(&params)?;
            jobs.extend(page.jobs);
            let Some(next) = page.next else { break };
            params.after = Some(next.to_string());
        }
        jobs.truncate(wanted);
        Ok(jobs)
    }
}

impl Render for Jobs {
    fn table(&self, paint: Paint) -> String {
        let mut columns = Columns::default();
        if self.header {
            columns.add(["CREATED", "ID", "STATE", "SHARDS", "LABELS", "PROGRAM"].map(str::to_owned));
        }
        for job in &self.list {
            let program = match &job.program {
                Some(program) => text::shortened(&text::harmless(program), PROGRAM_CHARS),
                None => "(private)".into(),
            };
            columns.add([
                text::instant(job.created_ms),
                if self.wide { job.id.to_string() } else { job.id.short() },
                super::picture::state(job.state, paint),
                format!("{}/{}", job.completed, job.shards),
                text::harmless(&job.labels.join(",")),
                program,
            ]);
        }
        columns.into_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_can_be_asked_for() {
        use clap::{CommandFactory, Parser};

        #[derive(Parser)]
        struct Only {
            #[command(flatten)]
            list: List,
        }

        Only::command().debug_assert();
        for state in STATES {
            let list = Only::try_parse_from(["x", "--state", &state.to_string().to_lowercase()]).unwrap().list;
            assert!(list.state.is_some());
        }
        assert!(Only::try_parse_from(["x", "--state", "Done"]).is_err());
        assert!(Only::try_parse_from(["x", "--all", "-n", "3"]).is_err());
    }
}
