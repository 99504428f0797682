//! Commands for jobs on a server. Each exists twice: `bacalhau job list` is `bacalhau list`.

mod cancel;
mod create;
mod describe;
mod draft;
mod history;
mod list;
mod logs;
mod printer;
mod render_job;
mod results;
mod validate;

use clap::Subcommand;

use super::exit::{Exit, Failure};
use super::get::Get;

pub(super) use cancel::Cancel;
pub(super) use create::{Create, Planned, Submitted};
pub(super) use describe::Describe;
pub(super) use list::List;
pub(super) use logs::{Logs, follow_logs};
pub(super) use results::{check_h1, fetch, is_name};
pub(super) use validate::Validate;

/// Job commands under their newer names.
#[derive(Debug, Subcommand)]
pub(super) enum Job {
    Run(Box<Create>),
    List(List),
    Describe(Describe),
    History(history::History),
    Executions(history::Executions),
    Get(Box<Get>),
    Logs(Logs),
    Stop(Cancel),
}

impl Job {
    /// Runs the command.
    ///
    /// # Errors
    /// When the command fails.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Run(verb) => verb.run(),
            Self::List(verb) => verb.run(),
            Self::Describe(verb) => verb.run(),
            Self::History(verb) => verb.run(),
            Self::Executions(verb) => verb.run(),
            Self::Get(verb) => verb.run(),
            Self::Logs(verb) => verb.run(),
            Self::Stop(verb) => verb.run(),
        }
    }
}
