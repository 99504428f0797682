//! `bacalhau logs`: the output of a job's program, during or after the run. Lines of several shards are prefixed with
//! the shard. `printer` prints them.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use clap::Args;
use rayon::ThreadPoolBuilder;

use super::super::exit::{Exit, Failure};
use super::super::progress_output::Ui;
use super::super::server::Server;
use super::printer::Printer;
use bacalhau_api::LogParams;
use bacalhau_api_client::ApiClient;
use bacalhau_job::{Event, EventKind};

const BUFFER_BYTES: usize = 64 << 10;
/// Maximum logs followed at once. The server has 64 streams for all clients.
const AT_ONCE: usize = 16;

const EXAMPLES: &str = "Examples:
  bacalhau logs jkxe5v2q
      all shards of the job, each line prefixed with its shard
  bacalhau logs jkxe5v2q -f --stderr
  bacalhau logs jkxe5v2q --shard 3 --execution 2";

/// Show standard output or standard error of a job's program
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Logs {
    /// Job id or unique prefix
    id: String,

    /// Wait for the program to start, and follow until it ends
    #[arg(short, long)]
    follow: bool,

    /// Show only this shard, numbered from 0, without prefix [default: all shards]
    #[arg(long, value_name = "N")]
    shard: Option<u32>,

    /// Number of the execution [default: the winner, or a running one]
    #[arg(long, value_name = "N")]
    execution: Option<u16>,

    /// Show standard error instead of standard output
    #[arg(long)]
    stderr: bool,

    #[command(flatten)]
    server: Server,
}

/// Followed logs.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// Shards whose program has started.
    begun: BTreeSet<u32>,
    /// Shards without a log.
    pub(crate) failed: Vec<NoLog>,
}

/// Why the log of a shard is missing or incomplete.
#[derive(Debug)]
pub(crate) struct NoLog {
    shard: u32,
    failure: Failure,
}

impl Logs {
    /// Prints the logs.
    ///
    /// # Errors
    /// When there are none, or the server does not answer.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let ui = Ui::new(false);
        let client = self.server.client(&ui)?;
        let params = LogParams { execution: self.execution, stderr: self.stderr, ..LogParams::default() };
        let record = client.job(&self.id)?.record;
        let (id, shards) = (record.job.id.to_string(), record.shards.len());
        let wanted: Vec<u32> = self.shard.map_or_else(|| (0..).take(shards).collect(), |shard| vec![shard]);
        let mut followed = Followed::default();
        if self.follow {
            followed = follow_logs(&client, &id, params, &wanted, |_| ())?;
        }
        for &shard in wanted.iter().filter(|shard| !followed.begun.contains(shard)) {
            let params = LogParams { shard, ..params };
            if let Err(failure) = print_log(&client, &id, params, label(shard, &wanted)) {
                followed.failed.push(NoLog { shard, failure });
            }
        }
        if followed.failed.len() == wanted.len()
            && let Some(first) = followed.failed.pop()
        {
            return Err(first.failure);
        }
        followed.failed.iter().for_each(|failed| ui.say(failed.to_string()));
        Ok(Exit::Success)
    }
}

/// Prints the logs of the shards `wanted` of the job `id`, each from the start of its program, until the job has ended.
/// Calls `hear` with each event.
///
/// # Errors
/// When the server stops answering.
pub(crate) fn follow_logs(
    client: &ApiClient,
    id: &str,
    params: LogParams,
    wanted: &[u32],
    mut hear: impl FnMut(&Event),
) -> Result<Followed, Failure> {
    let pool = ThreadPoolBuilder::new().num_threads(wanted.len().clamp(1, AT_ONCE)).build();
    let pool = pool.map_err(|error| Failure::new(Exit::Host, format!("cannot start a thread: {error}")))?;
    let (mut begun, failed) = (BTreeSet::new(), Mutex::new(Vec::new()));
    pool.in_place_scope(|scope| {
        for event in client.follow_events(id, 0)? {
            let event = event?.event;
            hear(&event);
            let (shard, failed) = (event.shard.unwrap_or(0), &failed);
            let is_wanted = params.execution.is_none_or(|number| event.execution == Some(number));
            let runs = event.kind == EventKind::Running && is_wanted && wanted.contains(&shard);
            if runs && begun.insert(shard) {
                scope.spawn(move |_| {
                    let params = LogParams { shard, follow: true, ..params };
                    if let Err(failure) = print_log(client, id, params, label(shard, wanted)) {
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(NoLog { shard, failure });
                    }
                });
            }
        }
        Ok::<(), Failure>(())
    })?;
    Ok(Followed { begun, failed: failed.into_inner().unwrap_or_else(PoisonError::into_inner) })
}

/// The prefix of each line of a shard's log; empty for a single shard.
fn label(shard: u32, wanted: &[u32]) -> String {
    if wanted.len() > 1 { format!("[shard {shard}] ") } else { String::new() }
}

/// Prints the log of a shard of the job `id`.
fn print_log(client: &ApiClient, id: &str, params: LogParams, label: String) -> Result<(), Failure> {
    let mut printer = Printer::new(label);
    if params.follow {
        for part in client.follow_log(id, params)? {
            printer.print(&part?)?;
        }
        return printer.end();
    }
    let mut log = client.log(id, params)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = log.read(&mut buffer);
        let read = read.map_err(|error| Failure::new(Exit::Host, format!("the log of {id} ended early: {error}")))?;
        if read == 0 {
            return printer.end();
        }
        printer.print(&buffer[..read])?;
    }
}

impl fmt::Display for NoLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no log of shard {}: {}", self.shard, self.failure)
    }
}
