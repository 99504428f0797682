//! `bacalhau list`: the jobs of a server, newest first.

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::super::columns::Columns;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::progress_output::Ui;
use super::super::server::Server;
use super::super::text;
use bacalhau_api::ListParams;
use bacalhau_api_client::ApiClient;
use bacalhau_job::JobState;
use bacalhau_store::JobSummary;

/// Jobs per request.
const PAGE: usize = 1000;
/// Maximum characters of a program's name.
const PROGRAM_CHARS: usize = 40;

const STATES: [JobState; 6] = [
    JobState::Bidding,
    JobState::InProgress,
    JobState::Completed,
    JobState::CompletedPartially,
    JobState::Failed,
    JobState::Cancelled,
];

const EXAMPLES: &str = "Examples:
  bacalhau list
  bacalhau list -n 50 --state Failed
  bacalhau list --all --label nightly --output json";

/// List the jobs of a server, newest first
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "these are flags")]
pub(crate) struct List {
    /// Number of jobs to show
    #[arg(short, long, value_name = "N", default_value_t = 10, conflicts_with = "all")]
    number: usize,

    /// Show all jobs
    #[arg(long)]
    all: bool,

    /// Show the oldest first
    #[arg(long)]
    reverse: bool,

    /// Order of the shown jobs: `created_at`, newest first, or `id`
    #[arg(long, value_name = "FIELD", value_enum, default_value_t)]
    sort_by: Field,

    /// The table has no style. A flag of Bacalhau 0.3
    #[arg(long, hide = true)]
    no_style: bool,

    /// Show only jobs in this state
    #[arg(long, value_name = "STATE", ignore_case = true,
          value_parser = PossibleValuesParser::new(["Bidding", "InProgress", "Completed", "CompletedPartially", "Failed", "Cancelled"]))]
    state: Option<String>,

    /// Show only jobs with this label
    #[arg(short, long, value_name = "LABEL")]
    label: Option<String>,

    /// Show only jobs whose id contains this text
    #[arg(long, value_name = "TEXT")]
    id_filter: Option<String>,

    /// Show only jobs submitted by this client
    #[arg(long)]
    mine: bool,

    /// Show full job ids
    #[arg(long)]
    wide: bool,

    /// Omit the header line
    #[arg(long)]
    hide_header: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    server: Server,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Field {
    #[default]
    CreatedAt,
    Id,
}

/// The list and its table format.
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
    /// Prints the list.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let client = self.server.client(&Ui::new(false))?;
        let mut jobs = self.jobs(&client)?;
        if self.sort_by == Field::Id {
            jobs.sort_by_key(|job| job.id.to_string());
        }
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
            let waits = self.list.iter().any(|job| job.waits_for.is_some());
            let names = ["CREATED", "ID", "STATE", "SHARDS", "LABELS", "PROGRAM", if waits { "WAITS FOR" } else { "" }];
            columns.add(names.map(str::to_owned));
        }
        for job in &self.list {
            let program = match &job.program {
                Some(program) => text::shortened(&text::harmless(program), PROGRAM_CHARS),
                None => "(private)".into(),
            };
            columns.add([
                text::instant(job.created_ms),
                if self.wide { job.id.to_string() } else { job.id.short() },
                super::render_job::state(job.state, paint),
                format!("{}/{}", job.completed, job.shards),
                text::harmless(&job.labels.join(",")),
                program,
                text::harmless(job.waits_for.as_deref().unwrap_or_default()),
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
        use clap::error::ErrorKind;
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
        let error = |line: &[&str]| Only::try_parse_from(line).map(drop).unwrap_err().kind();
        assert_eq!(error(&["x", "--state", "Done"]), ErrorKind::InvalidValue);
        assert_eq!(error(&["x", "--all", "-n", "3"]), ErrorKind::ArgumentConflict);
    }
}
