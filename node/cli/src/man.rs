//! `bacalhau man`: the manual pages of all commands, for packages.

use std::fs;
use std::path::PathBuf;

use bacalhau_runtime::HostFailure;
use clap::{Args, CommandFactory};

use super::Cli;
use super::exit::{Exit, Failure};

/// Write a manual page of every command into a directory
#[derive(Args, Debug)]
pub(super) struct Man {
    /// The directory; created if it does not exist
    dir: PathBuf,
}

impl Man {
    /// Writes the pages: `bacalhau.1`, `bacalhau-wasm-run.1` and so on.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        fs::create_dir_all(&self.dir)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &self.dir))
            .map_err(|error| HostFailure::io(format!("write manual pages into {}", self.dir.display()), error))?;
        Ok(Exit::Success)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Command;

    use super::*;

    /// The commands that the help shows, each with its own page.
    fn check(name: &str, command: &Command, dir: &Path) -> usize {
        let page = fs::read_to_string(dir.join(format!("{name}.1"))).unwrap();
        for flag in command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(|arg| arg.get_long()) {
            let shown = format!("\\-\\-{}", flag.replace('-', "\\-"));
            assert!(page.contains(&shown), "{name}.1 lacks {shown}");
        }
        let parts = command.get_subcommands().filter(|part| !part.is_hide_set());
        1 + parts.map(|part| check(&format!("{name}-{}", part.get_name()), part, dir)).sum::<usize>()
    }

    #[test]
    fn every_command_has_a_page_with_its_flags() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("man");
        Man { dir: dir.clone() }.run().unwrap();
        let commands = check("bacalhau", &Cli::command(), &dir);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), commands, "no page of a hidden command");

        let serve = fs::read_to_string(dir.join("bacalhau-serve.1")).unwrap();
        assert!(serve.contains("BACALHAU_CONFIG"), "{serve}");
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let failure = Man { dir: file.path().join("man") }.run().unwrap_err();
        assert_eq!(failure.exit, Exit::Host);
        assert!(failure.to_string().contains(&*file.path().to_string_lossy()), "{failure}");
    }
}
