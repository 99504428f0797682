//! `bacalhau logs`: what the program of a job wrote, while it runs or after. Lines of several shards have their shard in
//! front. How it is printed is in `printer`.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use clap::Args;
use rayon::ThreadPoolBuilder;

use super::super::exit::{Exit, Failure};
use super::super::server::Server;
use super::super::talk::Talk;
use super::printer::Printer;
use crate::api::{ApiClient, LogParams};
use crate::job::{Event, EventKind};

const BUFFER_BYTES: usize = 64 << 10;
/// Logs that are followed at a time: each is a stream of the server, which has 64 for all clients.
const AT_ONCE: usize = 16;

const EXAMPLES: &str = "\
Examples:
  bacalhau logs jkxe5v2q
      of a job of several shards, all of them, each line with its shard in front
  bacalhau logs jkxe5v2q -f --stderr
  bacalhau logs jkxe5v2q --shard 3 --execution 2";

/// Show what the program of a job wrote to standard output or standard error
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Logs {
    /// The job, or the beginning of its name
    id: String,

    /// Wait for the program, and go on until it ends
    #[arg(short, long)]
    follow: bool,

    /// Only of this shard, counted from 0, and without its number in front [default: all shards]
    #[arg(long, value_name = "N")]
    shard: Option<u32>,

    /// Of the execution with this number [default: the one whose result stands, or one that runs]
    #[arg(long, value_name = "N")]
    execution: Option<u16>,

    /// Standard error, and not standard output
    #[arg(long)]
    stderr: bool,

    #[command(flatten)]
    server: Server,
}

/// Logs that were followed.
#[derive(Debug, Default)]
pub(in crate::cli) struct Followed {
    /// The shards whose program has run.
    begun: BTreeSet<u32>,
    /// Why those of some could not be had.
    pub(in crate::cli) failed: Vec<NoLog>,
}

/// Why there is no log of a shard, or not all of it.
#[derive(Debug)]
pub(in crate::cli) struct NoLog {
    shard: u32,
    failure: Failure,
}

impl Logs {
    /// Prints it.
    ///
    /// # Errors
    /// When there is none, or the server cannot be asked.
    pub(in crate::cli) fn run(&self) -> Result<Exit, Failure> {
        let talk = Talk::new(false);
        let client = self.server.client(&talk)?;
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
        followed.failed.iter().for_each(|failed| talk.say(failed.to_string()));
        Ok(Exit::Success)
    }
}

/// Prints the logs of the shards `wanted` of the job `id`, each from when its program runs, until the job has ended. `hear`
/// is told what happens to the job.
///
/// # Errors
/// When the server cannot be asked any more.
pub(in crate::cli) fn follow_logs(
    client: &ApiClient,
    id: &str,
    params: LogParams,
    wanted: &[u32],
    mut hear: impl FnMut(&Event),
) -> Result<Followed, Failure> {
    let pool = ThreadPoolBuilder::new().num_threads(wanted.len().clamp(1, AT_ONCE)).build();
    let pool =
        pool.map_err(|error| Failure { exit: Exit::Host, message: format!("cannot start a thread: {error}") })?;
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

/// What stands in front of each line of a shard's log, where there are several.
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
        let read =
            read.map_err(|error| Failure { exit: Exit::Host, message: format!("the log of {id} broke off: {error}") })?;
        if read == 0 {
            return printer.end();
        }
        printer.print(&buffer[..read])?;
    }
}

impl fmt::Display for NoLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no log of shard {}: {}", self.shard, self.failure)
    }
}
