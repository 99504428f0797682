//! Checks whether a directory holds only unmodified results of an earlier run, so that it may be replaced. Files of the
//! user are never removed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;
use sha2::{Digest, Sha256};

use bacalhau_values::hex::Hex;

/// Maximum size of a receipt in bytes.
const MAX_RECEIPT_BYTES: u64 = 1 << 30;
/// Hash buffer size in bytes.
const CHUNK: usize = 256 << 10;

/// Why a directory is not replaced. Completes "cannot put results at …: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum Foreign {
    /// The directory cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It contains a name that bacalhau never writes.
    #[error("it contains {0:?}, which bacalhau did not write; name a new or an empty directory")]
    Name(PathBuf),
    /// It contains results without a receipt.
    #[error("it has no receipt, so it may not be a results directory of bacalhau; name another directory")]
    NoReceipt,
    /// It contains a file that the receipt does not list.
    #[error("it contains {0:?}, which bacalhau did not write; move it away, or name another directory")]
    Added(PathBuf),
    /// It contains a file that differs from the receipt.
    #[error("{0:?} in it was changed after bacalhau wrote it; move it away, or name another directory")]
    Changed(PathBuf),
}

/// Checks that `path` is absent, an empty directory, or contains only unmodified earlier results.
///
/// # Errors
/// The foreign or modified content.
pub(super) fn check(path: &Path) -> Result<(), Foreign> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    let names = names(path)?;
    if names.is_empty() || check_unit(path, &names, Path::new(""))? { Ok(()) } else { Err(Foreign::NoReceipt) }
}

/// Checks the files of one job, shard or execution. `shown` is its path in messages. Returns whether it has a receipt.
fn check_unit(dir: &Path, names: &[String], shown: &Path) -> Result<bool, Foreign> {
    let receipt = Written::read(&dir.join("receipt.json"))?;
    let mut known = receipt.is_some();
    for name in names {
        let (path, shown) = (dir.join(name), shown.join(name));
        match name.as_str() {
            "receipt.json" | "receipt.cbor" if path.symlink_metadata()?.is_file() => {}
            "results" => match &receipt {
                Some(receipt) => receipt.check(&path, &shown)?,
                None => return Err(Foreign::NoReceipt),
            },
            "executions" | "shards" if path.symlink_metadata()?.is_dir() => {
                for number in self::names(&path)? {
                    let (path, shown) = (path.join(&number), shown.join(&number));
                    if number.parse::<u32>().is_err() || !path.symlink_metadata()?.is_dir() {
                        return Err(Foreign::Added(shown));
                    }
                    known |= check_unit(&path, &self::names(&path)?, &shown)?;
                }
            }
            _ => return Err(Foreign::Name(shown)),
        }
    }
    Ok(known)
}

/// The files that a receipt lists.
struct Written {
    /// Length and SHA-256 by name.
    files: BTreeMap<String, (u64, String)>,
    /// Modification time of the receipt, which is written after the results.
    at: SystemTime,
}

impl Written {
    /// Reads the receipt at `path`, of any version; `None` when there is none.
    fn read(path: &Path) -> Result<Option<Self>, Foreign> {
        let mut text = Vec::new();
        match File::open(path) {
            Ok(file) => file.take(MAX_RECEIPT_BYTES).read_to_end(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let receipt: Value = serde_json::from_slice(&text).unwrap_or_default();
        let claim = &receipt["claim"];
        if !claim["h1"].is_string() {
            return Ok(None);
        }
        let file = |file: &Value| {
            let (name, sha256) = (file["name"].as_str()?, file["sha256"].as_str()?);
            Some((name.to_owned(), (file["bytes"].as_u64()?, sha256.to_owned())))
        };
        let files = claim["files"].as_array().into_iter().flatten().filter_map(file).collect();
        Ok(Some(Self { files, at: path.metadata()?.modified()? }))
    }

    /// Checks that `results` contains only the listed, unmodified files. Empty directories are ignored.
    fn check(&self, results: &Path, shown: &Path) -> Result<(), Foreign> {
        let mut pending = vec![String::new()];
        while let Some(dir) = pending.pop() {
            for name in names(&results.join(&dir))? {
                let name = if dir.is_empty() { name } else { format!("{dir}/{name}") };
                let (path, shown) = (results.join(&name), shown.join(&name));
                let found = path.symlink_metadata()?;
                if found.is_dir() {
                    pending.push(name);
                    continue;
                }
                let Some((bytes, sha256)) = self.files.get(&name).filter(|_| found.is_file()) else {
                    return Err(Foreign::Added(shown));
                };
                // A file older than its receipt has not been modified since.
                let same = found.len() == *bytes && (found.modified()? <= self.at || hash(&path)? == *sha256);
                if !same {
                    return Err(Foreign::Changed(shown));
                }
            }
        }
        Ok(())
    }
}

fn hash(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher, mut chunk) = (File::open(path)?, Sha256::new(), vec![0; CHUNK]);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(Hex(&hasher.finalize()).to_string()),
            read => hasher.update(&chunk[..read]),
        }
    }
}

/// The names in a directory, sorted. Names that are not UTF-8 are converted lossily; bacalhau writes none.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names = fs::read_dir(dir)?.map(name).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}
