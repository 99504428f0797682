//! Jobs on a server: submit, list, look, fetch, take back. Each verb stands on its own too: `bacalhau job list` is
//! `bacalhau list`.

mod cancel;
mod create;
mod describe;
mod draft;
mod list;
mod logs;
mod picture;
mod printer;
mod results;

use clap::Subcommand;

use super::exit::{Exit, Failure};
use super::get::Get;

pub(super) use cancel::Cancel;
pub(super) use create::{Create, Submitted};
pub(super) use describe::Describe;
pub(super) use list::List;
pub(super) use logs::{Logs, follow_logs};
pub(super) use results::{check_h1, fetch, is_name};

/// The verbs, under the names that later Bacalhau gave them.
#[derive(Debug, Subcommand)]
pub(super) enum Job {
    Run(Create),
    List(List),
    Describe(Describe),
    Get(Box<Get>),
    Logs(Logs),
    Stop(Cancel),
}

impl Job {
    /// Does what the verb says.
    ///
    /// # Errors
    /// The verb's own.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Run(verb) => verb.run(),
            Self::List(verb) => verb.run(),
            Self::Describe(verb) => verb.run(),
            Self::Get(verb) => verb.run(),
            Self::Logs(verb) => verb.run(),
            Self::Stop(verb) => verb.run(),
        }
    }
}
