//! The command line: one command a file. Commands print through `output` and end through `exit`. No other module
//! depends on this one.

mod audit;
mod backup;
mod by_cid;
mod columns;
mod compile;
mod completion;
mod component;
mod config;
mod content;
mod daemon;
mod data;
mod devstack;
mod docker_run;
mod doctor;
mod earlier;
mod empty_directories;
mod environment;
mod execute;
mod exit;
mod finished_job;
mod get;
mod hash;
mod id;
mod init;
mod interrupt;
mod ipfs;
mod job;
mod job_args;
mod job_run;
mod limits;
mod local_cluster;
mod log;
mod machine;
mod man;
mod mount;
mod network;
mod nodes;
mod notify;
mod optimize;
mod output;
mod output_dir;
mod phases;
mod piece;
mod progress_output;
mod publications;
mod publish;
mod published_objects;
mod py_run;
mod recorded;
#[cfg(test)]
mod reference;
mod report;
mod retired;
mod save_results;
mod serve;
mod server;
mod settings;
mod spec;
mod stdin;
mod submit;
mod summary;
mod text;
mod verify;
mod version;
mod wasm_args;
mod wasm_lower;
mod wasm_run;
mod wasm_validate;

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use exit::{Exit, Failure};
use output::Paint;

/// Run WebAssembly next to data, several times, and verify the result
#[derive(Debug, Parser)]
#[command(name = "bacalhau", version, after_help = Exit::help(), subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run, validate and lower WebAssembly programs
    #[command(subcommand)]
    Wasm(Wasm),
    /// Run Python scripts
    #[command(subcommand)]
    Py(Py),
    /// Run containers as jobs
    #[command(subcommand)]
    Docker(Docker),
    Verify(Box<verify::Verify>),
    Create(Box<job::Create>),
    Validate(Box<job::Validate>),
    List(job::List),
    Describe(job::Describe),
    Get(Box<get::Get>),
    Logs(job::Logs),
    Cancel(job::Cancel),
    /// Job commands under their newer names
    #[command(subcommand)]
    Job(Box<job::Job>),
    Publications(Box<publications::Publications>),
    Serve(Box<serve::Serve>),
    Devstack(Box<devstack::Devstack>),
    Doctor(doctor::Doctor),
    Execute(execute::Execute),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Id(id::Id),
    /// The nodes of the network
    #[command(subcommand)]
    Node(nodes::Nodes),
    /// Local block store and block exchange
    #[command(subcommand)]
    Ipfs(Box<ipfs::Ipfs>),
    Hash(hash::Hash),
    Piece(piece::Piece),
    /// Show the default and the effective configuration
    #[command(subcommand)]
    Config(config::Config),
    Version(version::Version),
    Completion(completion::Completion),
    #[command(hide = true)]
    Man(man::Man),
    #[command(name = optimize::VERB, hide = true)]
    Optimize(optimize::Optimize),
    #[command(name = compile::VERB, hide = true)]
    Compile(compile::Compile),
}

#[derive(Debug, Subcommand)]
enum Wasm {
    Run(Box<wasm_run::WasmRun>),
    Validate(Box<wasm_validate::WasmValidate>),
    Lower(Box<wasm_lower::WasmLower>),
}

#[derive(Debug, Subcommand)]
enum Py {
    Run(Box<py_run::PyRun>),
}

#[derive(Debug, Subcommand)]
enum Docker {
    Run(Box<docker_run::DockerRun>),
}

/// Parses the command line, runs the command, and returns one of the documented exit codes.
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
            // If standard output is closed, the help is lost.
            let _ = error.print();
            if let Some(advice) = retired::advice(&error) {
                // If standard error is closed, the advice is lost.
                let _ = writeln!(io::stderr(), "\nnote: {advice}");
            }
            return if error.use_stderr() { Exit::Usage } else { Exit::Success }.into();
        }
    };
    interrupt::begin();
    // The panic message is already on standard error.
    let end = panic::catch_unwind(|| cli.command.run()).unwrap_or(Ok(Exit::Internal));
    // An interruption removes files of running jobs. What fails or ends because of that does not end the process first.
    interrupt::not_interrupted();
    end.unwrap_or_else(|failure| complain(&failure)).into()
}

fn complain(failure: &Failure) -> Exit {
    // If standard error is closed, the message is lost.
    let _ = writeln!(io::stderr(), "{} {failure}", Paint::for_stderr().red("error:"));
    failure.exit
}

impl Command {
    fn run(&self) -> Result<Exit, Failure> {
        match self {
            Self::Wasm(Wasm::Run(verb)) => verb.run(),
            Self::Wasm(Wasm::Validate(verb)) => verb.run(),
            Self::Wasm(Wasm::Lower(verb)) => verb.run(),
            Self::Py(Py::Run(verb)) => verb.run(),
            Self::Docker(Docker::Run(verb)) => verb.run(),
            Self::Verify(verb) => verb.run(),
            Self::Create(verb) => verb.run().map_err(Failure::without_result),
            Self::Validate(verb) => verb.run().map_err(Failure::without_result),
            Self::List(verb) => verb.run().map_err(Failure::without_result),
            Self::Describe(verb) => verb.run().map_err(Failure::without_result),
            Self::Get(verb) => verb.run().map_err(Failure::without_result),
            Self::Logs(verb) => verb.run().map_err(Failure::without_result),
            Self::Cancel(verb) => verb.run().map_err(Failure::without_result),
            Self::Job(verb) => verb.run().map_err(Failure::without_result),
            Self::Publications(verb) => verb.run().map_err(Failure::without_result),
            Self::Serve(verb) => verb.run().map_err(Failure::without_result),
            Self::Devstack(verb) => verb.run().map_err(Failure::without_result),
            Self::Doctor(verb) => verb.run().map_err(Failure::without_result),
            Self::Execute(verb) => verb.run().map_err(Failure::without_result),
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
            Self::Man(verb) => verb.run().map_err(Failure::without_result),
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
