//! `bacalhau backup` and `bacalhau restore`: copies of a data directory, from which a node goes on.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};
use super::text;
use crate::backup::{self, BackupError, Contents, Manifest};
use crate::config::default_data_dir;

const BACKUP_EXAMPLES: &str = "\
Examples:
  bacalhau backup /backups/monday
      also while `bacalhau serve` runs: all jobs that it has acknowledged are in it
  bacalhau backup --state-only --data-dir /var/lib/bacalhau /backups/state";

/// Copy the jobs, identity, publications, pins, blocks and results of a node to a new directory
///
/// Compiled modules, downloads and running executions are not copied: a restored node makes or runs them again. Keys are:
/// keep the copy where only you can read it.
#[derive(Args, Debug)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(super) struct Backup {
    /// The new directory
    #[arg(value_name = "DIR")]
    target: PathBuf,

    /// Leave out blocks, results and published results, which may be large
    #[arg(long)]
    state_only: bool,

    #[command(flatten)]
    common: Common,
}

const RESTORE_EXAMPLES: &str = "\
Examples:
  bacalhau restore /backups/monday
  bacalhau restore --replace --data-dir /var/lib/bacalhau /backups/monday
      in place of the jobs, identity, … that are there";

/// Put a backup back into a data directory that no process serves
///
/// Every file is checked against its hash first; a damaged backup changes nothing.
#[derive(Args, Debug)]
#[command(after_help = RESTORE_EXAMPLES)]
pub(super) struct Restore {
    /// The directory that `bacalhau backup` wrote
    #[arg(value_name = "DIR")]
    backup: PathBuf,

    /// Replace what is in the data directory
    #[arg(long)]
    replace: bool,

    #[command(flatten)]
    common: Common,
}

/// Flags of both.
#[derive(Args, Debug)]
struct Common {
    /// The data directory of the node; by default `bacalhau` in `$XDG_DATA_HOME` or in ~/.local/share
    #[arg(long, value_name = "DIR", env = "BACALHAU_DIR")]
    data_dir: Option<PathBuf>,

    /// How the answer is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// The answer of both.
#[derive(Debug, Serialize)]
struct Copied {
    /// The directory of the backup.
    backup: PathBuf,
    data_dir: PathBuf,
    contents: Contents,
    /// When it was taken.
    made: String,
    peer_id: Option<String>,
    files: usize,
    bytes: u64,
}

impl Backup {
    /// Takes the backup.
    ///
    /// # Errors
    /// When there is nothing to be copied, something is at the target, or the machine fails.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let data_dir = self.common.data_dir()?;
        let contents = if self.state_only { Contents::State } else { Contents::All };
        let manifest = backup::take(&data_dir, &self.target, contents)?;
        self.common.print(self.target.clone(), data_dir, &manifest)
    }
}

impl Restore {
    /// Puts the backup back.
    ///
    /// # Errors
    /// When it is damaged, the data directory is not empty or is in use, or the machine fails.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let data_dir = self.common.data_dir()?;
        let manifest = backup::restore(&self.backup, &data_dir, self.replace)?;
        self.common.print(self.backup.clone(), data_dir, &manifest)
    }
}

impl Common {
    fn data_dir(&self) -> Result<PathBuf, Failure> {
        let found = self.data_dir.clone().or_else(default_data_dir);
        found.ok_or_else(|| Failure::usage("no home directory is known: say where data is kept with --data-dir"))
    }

    fn print(&self, backup: PathBuf, data_dir: PathBuf, manifest: &Manifest) -> Result<Exit, Failure> {
        let answer = Copied {
            backup,
            data_dir,
            contents: manifest.contents,
            made: manifest.made.clone(),
            peer_id: manifest.peer_id.clone(),
            files: manifest.files.len(),
            bytes: manifest.bytes(),
        };
        output::print(self.output, &answer)?;
        Ok(Exit::Success)
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Usage(message) => Self::usage(message),
            BackupError::Damaged { .. } => Self { exit: Exit::Host, message: error.to_string() },
            BackupError::Host(failure) => failure.into(),
        }
    }
}

impl Render for Copied {
    fn table(&self, _paint: Paint) -> String {
        let mut lines = Lines::default();
        lines.add("backup", self.backup.display().to_string());
        lines.add("data", self.data_dir.display().to_string());
        lines.add("made", &self.made);
        if let Some(peer_id) = &self.peer_id {
            lines.add("node", text::harmless(peer_id));
        }
        let contents = match self.contents {
            Contents::All => "all",
            Contents::State => "state only",
        };
        let files = text::count(self.files, "file");
        lines.add("contents", format!("{contents}  ({files}, {})", text::bytes(self.bytes)));
        lines.into_text()
    }
}
