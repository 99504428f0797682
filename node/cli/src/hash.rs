//! `bacalhau hash`: the `h1:` of a directory, as Go prints it.

use std::path::PathBuf;

use bacalhau_runtime::dirhash::{self, DirHash, HashError};
use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::output::{self, Format, Paint, Render};
use super::text::harmless;

const EXAMPLES: &str = "Examples:
  bacalhau hash bacalhau-4xgsz2vw3nkqv5ia/results
      equals the hash in the receipt
  bacalhau hash --prefix example.org/m@v1.0.0 ./m
      equals the line in go.sum for a module
  bacalhau hash --files ./data";

/// Print the h1: hash of a directory
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Hash {
    /// The directory
    dir: PathBuf,

    /// Prefix of each name in the hashed list; receipts use the default
    #[arg(long, value_name = "TEXT", default_value = "results")]
    prefix: String,

    /// Also list the SHA-256 and name of each file, to find differences
    #[arg(long)]
    files: bool,

    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    output: Format,
}

#[derive(Debug, Serialize)]
struct Hashed {
    h1: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<HashedFile>>,
}

#[derive(Debug, Serialize)]
struct HashedFile {
    sha256: String,
    bytes: u64,
    name: String,
}

impl Hash {
    /// Hashes and prints.
    ///
    /// # Errors
    /// When the directory does not exist, cannot be read, or contains special files.
    pub(super) fn run(&self) -> Result<Exit, Failure> {
        let hash = dirhash::hash_dir(&self.dir, &self.prefix).map_err(|error| explain(&error))?;
        output::print(self.output, &Hashed::new(hash, self.files))?;
        Ok(Exit::Success)
    }
}

impl Hashed {
    fn new(hash: DirHash, with_files: bool) -> Self {
        let file = |file: &dirhash::FileHash| HashedFile {
            sha256: file.sha256_hex(),
            bytes: file.size,
            name: file.name_lossy().into_owned(),
        };
        Self { files: with_files.then(|| hash.files.iter().map(file).collect()), h1: hash.h1 }
    }
}

impl Render for Hashed {
    fn table(&self, _paint: Paint) -> String {
        let mut text = format!("{}\n", self.h1);
        for file in self.files.iter().flatten() {
            text.extend([&file.sha256, "  ", &harmless(&file.name), "\n"]);
        }
        text
    }
}

/// Converts a hash error to a failure of the command.
pub(super) fn explain(error: &HashError) -> Failure {
    let exit = match error {
        HashError::Root { .. } | HashError::NotADirectory { .. } => Exit::Usage,
        HashError::Io { .. } => Exit::Host,
        _ => Exit::Refused,
    };
    Failure::new(exit, error.to_string())
}
