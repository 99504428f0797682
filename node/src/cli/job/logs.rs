//! `bacalhau logs`: what a program said, while it runs or after.

use std::io::{self, IsTerminal, Read};

use clap::Args;

use super::super::exit::{Exit, Failure};
use super::super::output;
use super::super::server::Server;
use super::super::talk::Talk;
use super::super::text;
use crate::api::{ApiClient, LogParams};

const BUFFER_BYTES: usize = 64 << 10;

const EXAMPLES: &str = "\
Examples:
  bacalhau logs jkxe5v2q
  bacalhau logs jkxe5v2q -f --stderr
  bacalhau logs jkxe5v2q --shard 3 --execution 2";

/// Show what the program of a job wrote to standard output or standard error
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Logs {
    /// The job, or the beginning of its name
    id: String,

    /// Go on until the program ends
    #[arg(short, long)]
    follow: bool,

    /// Of this shard, counted from 0
    #[arg(long, value_name = "N", default_value_t = 0)]
    shard: u32,

    /// Of the execution with this number [default: the one whose result stands, or one that runs]
    #[arg(long, value_name = "N")]
    execution: Option<u16>,

    /// Standard error, and not standard output
    #[arg(long)]
    stderr: bool,

    #[command(flatten)]
    server: Server,
}

impl Logs {
    /// Prints it.
    ///
    /// # Errors
    /// When there is none, or the server cannot be asked.
    pub(in crate::cli) fn run(&self) -> Result<Exit, Failure> {
        let client = self.server.client(&Talk::new(false))?;
        let params = LogParams {
            shard: self.shard,
            execution: self.execution,
            stderr: self.stderr,
            offset: 0,
            follow: self.follow,
        };
        print_log(&client, &self.id, params)?;
        Ok(Exit::Success)
    }
}

/// Prints the log of the job `id`: as it is, or made harmless where it goes to a terminal.
///
/// # Errors
/// When there is none, or the server cannot be asked.
pub(in crate::cli) fn print_log(client: &ApiClient, id: &str, params: LogParams) -> Result<(), Failure> {
    let mut printer = Printer { harmless: io::stdout().is_terminal(), rest: Vec::new() };
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

/// Standard output. A terminal gets whole lines, since what it would obey may lie between two parts.
struct Printer {
    harmless: bool,
    rest: Vec<u8>,
}

impl Printer {
    fn print(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if !self.harmless {
            return output::write(bytes);
        }
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // A line without an end is not waited for for ever.
        let whole = if whole == 0 && self.rest.len() > BUFFER_BYTES { self.rest.len() } else { whole };
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        output::write(shown(&lines).as_bytes())
    }

    fn end(self) -> Result<(), Failure> {
        output::write(shown(&self.rest).as_bytes())
    }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .split_inclusive('\n')
        .map(|line| match line.strip_suffix('\n') {
            Some(line) => text::harmless(line) + "\n",
            None => text::harmless(line),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_cannot_talk_to_the_terminal() {
        assert_eq!(shown(b"a\n\x1b[2Jb\nc"), "a\n\\u{1b}[2Jb\nc");
    }
}
