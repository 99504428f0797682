//! `bacalhau completion`: prints a completion script for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::exit::{Exit, Failure};
use super::{Cli, output};

const EXAMPLES: &str = "Examples:
  bacalhau completion bash > ~/.local/share/bash-completion/completions/bacalhau
  bacalhau completion fish > ~/.config/fish/completions/bacalhau.fish";

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Completion {
    /// Shell to complete for
    #[arg(value_enum)]
    shell: Shell,
}

impl Completion {
    /// Prints the script.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "bacalhau", &mut script);
        output::write(&script)?;
        Ok(Exit::Success)
    }
}
