//! `bacalhau job history` and `bacalhau job executions`: the events and the runs of one job.

use clap::Args;
use serde::Serialize;

use super::super::columns::Columns;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Format, Paint, Render};
use super::super::progress_output::Ui;
use super::super::server::Server;
use super::super::text;
use bacalhau_job::{ExecutionRecord, JobRecord};
use bacalhau_store::StoredEvent;

/// Characters of a peer ID that are shown, from its end: all begin alike.
const PEER_CHARS: usize = 9;

/// Show the events of a job
#[derive(Args, Debug)]
pub(crate) struct History {
    /// Job id or unique prefix
    id: String,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    server: Server,
}

/// Show the executions of a job
#[derive(Args, Debug)]
pub(crate) struct Executions {
    /// Job id or unique prefix
    id: String,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,

    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Events(Vec<StoredEvent>);

/// An execution with the number of its shard.
#[derive(Debug, Serialize)]
struct Run {
    shard: usize,
    #[serde(flatten)]
    execution: ExecutionRecord,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Runs(Vec<Run>);

impl History {
    /// Prints the events.
    ///
    /// # Errors
    /// When the job does not exist, or the server does not answer.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let client = self.server.client(&Ui::new(false))?;
        let mut events: Vec<StoredEvent> = Vec::new();
        loop {
            let more = client.events(&self.id, events.last().map_or(0, |event| event.number))?;
            if more.is_empty() {
                break;
            }
            events.extend(more);
        }
        output::print(self.output, &Events(events))?;
        Ok(Exit::Success)
    }
}

impl Executions {
    /// Prints the executions.
    ///
    /// # Errors
    /// When the job does not exist, or the server does not answer.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let record = self.server.client(&Ui::new(false))?.job(&self.id)?.record;
        output::print(self.output, &Runs::of(record))?;
        Ok(Exit::Success)
    }
}

impl Runs {
    fn of(record: JobRecord) -> Self {
        let shards = record.shards.into_iter().enumerate();
        let runs =
            shards.flat_map(|(shard, it)| it.executions.into_iter().map(move |execution| Run { shard, execution }));
        Self(runs.collect())
    }
}

impl Render for Events {
    fn table(&self, _: Paint) -> String {
        let mut columns = Columns::default();
        columns.add(["TIME", "EVENT", "SHARD", "NODE", "DESCRIPTION"].map(str::to_owned));
        for StoredEvent { event, .. } in &self.0 {
            columns.add([
                text::instant(event.at_ms),
                format!("{:?}", event.kind),
                event.shard.map(|shard| shard.to_string()).unwrap_or_default(),
                event.peer.map(|peer| text::shortened(&peer.to_string(), PEER_CHARS)).unwrap_or_default(),
                text::harmless(&event.text),
            ]);
        }
        columns.into_text()
    }
}

impl Render for Runs {
    fn table(&self, _: Paint) -> String {
        let mut columns = Columns::default();
        columns.add(["SHARD", "RUN", "NODE", "STATE", "ACCEPTED", "OUTCOME", "RESULT", "NOTE"].map(str::to_owned));
        for Run { shard, execution } in &self.0 {
            columns.add([
                shard.to_string(),
                execution.number.to_string(),
                text::shortened(&execution.peer.to_string(), PEER_CHARS),
                execution.state.to_string(),
                text::instant(execution.accepted_ms),
                execution.outcome.map(|outcome| outcome.to_string()).unwrap_or_default(),
                execution.h1.as_deref().map(text::harmless).unwrap_or_default(),
                execution.why.as_deref().map(text::harmless).unwrap_or_default(),
            ]);
        }
        columns.into_text()
    }
}
