//! The command line. One verb one file; what a verb prints goes through `output`, how it ends through `exit`. Nothing
//! imports this room.

mod audit;
mod backup;
mod by_cid;
mod columns;
mod compile;
mod completion;
mod config;
mod content;
mod daemon;
mod data;
mod devstack;
mod docker_run;
mod earlier;
mod empty_directories;
mod ending;
mod environment;
mod exit;
mod get;
mod hash;
mod here;
mod id;
mod interrupt;
mod ipfs;
mod job;
mod job_args;
mod job_run;
mod keep;
mod limits;
mod log;
mod machine;
mod mount;
mod network;
mod nodes;
mod notify;
mod optimize;
mod output;
mod phases;
mod piece;
mod place;
mod publications;
mod publish;
mod recorded;
#[cfg(test)]
mod reference;
mod report;
mod serve;
mod server;
mod settings;
mod spec;
mod submit;
mod summary;
mod talk;
mod text;
mod verify;
mod version;
mod wasm_run;
mod wasm_validate;

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use exit::{Exit, Failure};
use output::Paint;

/// Run WebAssembly next to data, several times over, and show that the result is right
#[derive(Debug, Parser)]
#[command(name = "bacalhau", version, after_help = Exit::help(), subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// WebAssembly programs: run them, or see whether they would run
    #[command(subcommand)]
    Wasm(Wasm),
    /// Containers: run them as jobs
    #[command(subcommand)]
    Docker(Docker),
    Verify(Box<verify::Verify>),
    Create(Box<job::Create>),
    List(job::List),
    Describe(job::Describe),
    Get(Box<get::Get>),
    Logs(job::Logs),
    Cancel(job::Cancel),
    /// Jobs on a server, by the names that later Bacalhau gave the verbs
    #[command(subcommand)]
    Job(Box<job::Job>),
    Publications(Box<publications::Publications>),
    Serve(Box<serve::Serve>),
    Devstack(Box<devstack::Devstack>),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Id(id::Id),
    /// The nodes of the network
    #[command(subcommand)]
    Node(nodes::Nodes),
    /// Blocks of data by CID: a store of one's own, and its exchange with others
    #[command(subcommand)]
    Ipfs(Box<ipfs::Ipfs>),
    Hash(hash::Hash),
    Piece(piece::Piece),
    /// What servers and their clients are told: the default file, and what is in force
    #[command(subcommand)]
    Config(config::Config),
    Version(version::Version),
    Completion(completion::Completion),
    #[command(name = optimize::VERB, hide = true)]
    Optimize(optimize::Optimize),
    #[command(name = compile::VERB, hide = true)]
    Compile(compile::Compile),
}

#[derive(Debug, Subcommand)]
enum Wasm {
    Run(Box<wasm_run::WasmRun>),
    Validate(Box<wasm_validate::WasmValidate>),
}

#[derive(Debug, Subcommand)]
enum Docker {
    Run(Box<docker_run::DockerRun>),
}

/// Reads the command line, does what it says, and answers with one of the documented exit codes.
pub fn main() -> ExitCode {
    let mut command = Cli::command();
    let parsed = command.try_get_matches_from_mut(std::env::args_os()).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        environment::check(&command, &matches);
        Ok(cli)
    });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads is nobody's loss.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Success }.into();
        }
    };
    interrupt::begin();
    // The panic's message is on standard error already.
    let end = panic::catch_unwind(|| cli.command.run()).unwrap_or(Ok(Exit::Internal));
    end.unwrap_or_else(|failure| complain(&failure)).into()
}

fn complain(failure: &Failure) -> Exit {
    interrupt::not_interrupted();
    // Nobody can be told that nobody can be told.
    let _ = writeln!(io::stderr(), "{} {failure}", Paint::for_stderr().red("error:"));
    failure.exit
}

impl Command {
    fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Wasm(Wasm::Run(verb)) => verb.run(),
            Self::Wasm(Wasm::Validate(verb)) => verb.run(),
            Self::Docker(Docker::Run(verb)) => verb.run(),
            Self::Verify(verb) => verb.run(),
            Self::Create(verb) => verb.run().map_err(Failure::without_result),
            Self::List(verb) => verb.run().map_err(Failure::without_result),
            Self::Describe(verb) => verb.run().map_err(Failure::without_result),
            Self::Get(verb) => verb.run().map_err(Failure::without_result),
            Self::Logs(verb) => verb.run().map_err(Failure::without_result),
            Self::Cancel(verb) => verb.run().map_err(Failure::without_result),
            Self::Job(verb) => verb.run().map_err(Failure::without_result),
            Self::Publications(verb) => verb.run().map_err(Failure::without_result),
            Self::Serve(verb) => verb.run().map_err(Failure::without_result),
            Self::Devstack(verb) => verb.run().map_err(Failure::without_result),
            Self::Backup(verb) => verb.run().map_err(Failure::without_result),
            Self::Restore(verb) => verb.run().map_err(Failure::without_result),
            Self::Id(verb) => verb.run().map_err(Failure::without_result),
            Self::Node(verb) => verb.run().map_err(Failure::without_result),
            Self::Ipfs(verb) => verb.run().map_err(Failure::without_result),
            Self::Hash(verb) => verb.run(),
            Self::Piece(verb) => verb.run().map_err(Failure::without_result),
            Self::Config(verb) => verb.run(),
            Self::Version(verb) => verb.run(),
            Self::Completion(verb) => verb.run(),
            Self::Optimize(verb) => verb.run(),
            Self::Compile(verb) => verb.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
