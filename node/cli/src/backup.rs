//! `bacalhau backup` and `bacalhau restore`: copy a data directory and restore it.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Lines, Paint, Render};
use super::text;
use bacalhau_service::{
    backup::{self, BackupError, Contents, Manifest},
    config::default_data_dir,
};

const BACKUP_EXAMPLES: &str = "Examples:
  bacalhau backup /backups/monday
      works while `bacalhau serve` runs; contains all acknowledged jobs
  bacalhau backup --state-only --data-dir /var/lib/bacalhau /backups/state";

/// Copy the jobs, identity, publications, pins, blocks and results of a node to a new directory
///
/// Compiled modules, downloads and running executions are not copied; a restored node recreates them. The backup
/// contains private keys: store it where only you can read it.
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

const RESTORE_EXAMPLES: &str = "Examples:
  bacalhau restore /backups/monday
  bacalhau restore --replace --data-dir /var/lib/bacalhau /backups/monday
      replaces the existing jobs, identity, …";

/// Restore a backup into a data directory that no process uses
///
/// Every file is checked against its hash first; a damaged backup changes nothing.
#[derive(Args, Debug)]
#[command(after_help = RESTORE_EXAMPLES)]
pub(super) struct Restore {
    /// A directory written by `bacalhau backup`
    #[arg(value_name = "DIR")]
    backup: PathBuf,

    /// Replace the contents of the data directory
    #[arg(long)]
    replace: bool,

    #[command(flatten)]
    common: Common,
}

/// Flags of both commands.
#[derive(Args, Debug)]
struct Common {
    /// Data directory of the node [default: `bacalhau` in `$XDG_DATA_HOME` or in ~/.local/share]
    #[arg(long, value_name = "DIR", env = "BACALHAU_DIR")]
    data_dir: Option<PathBuf>,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

/// The output of both commands.
#[derive(Debug, Serialize)]
struct Copied {
    /// Directory of the backup.
    backup: PathBuf,
    data_dir: PathBuf,
    contents: Contents,
    /// Time of the backup.
    made: String,
    peer_id: Option<String>,
    files: usize,
    bytes: u64,
}

impl Backup {
    /// Makes the backup.
    ///
    /// # Errors
    /// When there is nothing to copy, the target exists, or the host fails.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let data_dir = self.common.data_dir()?;
        let contents = if self.state_only { Contents::State } else { Contents::All };
        let manifest = backup::take(&data_dir, &self.target, contents)?;
        self.common.print(self.target.clone(), data_dir, &manifest)
    }
}

impl Restore {
    /// Restores the backup.
    ///
    /// # Errors
    /// When it is damaged, the data directory is not empty or in use, or the host fails.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let data_dir = self.common.data_dir()?;
        let manifest = backup::restore(&self.backup, &data_dir, self.replace)?;
        self.common.print(self.backup.clone(), data_dir, &manifest)
    }
}

impl Common {
    fn data_dir(&self) -> Result<PathBuf, Failure> {
        let found = self.data_dir.clone().or_else(default_data_dir);
        found.ok_or_else(|| Failure::usage("no home directory found: name the data directory with --data-dir"))
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
            BackupError::Damaged { .. } => Self::new(Exit::Host, error.to_string()),
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
