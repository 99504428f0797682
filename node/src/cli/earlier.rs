//! Whether a directory holds earlier results and nothing else, so that it may be replaced: all that is in it was written by
//! this program, and is as it was then. A file of the user's own is never removed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::hex::Hex;

/// Bytes of a receipt that is looked at.
const MAX_RECEIPT_BYTES: u64 = 1 << 30;
/// Bytes that are hashed at a time.
const CHUNK: usize = 256 << 10;

/// Why a directory is not replaced. Completes "cannot put results at …: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum Foreign {
    /// It cannot be looked at.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Something is there that no version of this program writes.
    #[error("it holds {0:?}; name a new or an empty directory")]
    Name(PathBuf),
    /// There are results and nothing says whose.
    #[error("it holds no receipt, so these are not our results")]
    NoReceipt,
    /// A file that the receipt does not name.
    #[error("it holds {0:?}, which bacalhau has not written; move that away, or name another directory")]
    Added(PathBuf),
    /// A file that is not as the receipt says.
    #[error("{0:?} in it was changed since bacalhau has written it; move that away, or name another directory")]
    Changed(PathBuf),
}

/// Checks that nothing is at `path`, or an empty directory, or earlier results and nothing else.
///
/// # Errors
/// What else there is.
pub(super) fn check(path: &Path) -> Result<(), Foreign> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    let names = names(path)?;
    if names.is_empty() || check_unit(path, &names, Path::new(""))? { Ok(()) } else { Err(Foreign::NoReceipt) }
}

/// Checks what was written for one job, shard or execution, `shown` from the directory that is looked at, and says whether
/// there is a receipt.
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

/// What a receipt says was written.
struct Written {
    /// Length and SHA-256 by name.
    files: BTreeMap<String, (u64, String)>,
    /// When the receipt was written, which is after the results were.
    at: SystemTime,
}

impl Written {
    /// The receipt at `path`, of any version; `None` where there is none.
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

    /// Checks that below `results` there are only these files, as they were written. Directories alone are nobody's loss.
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
                // What is older than its receipt was not written to since.
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

/// The names in a directory, in order. One that is not UTF-8 is shown as well as that can be done: none of ours is so.
fn names(dir: &Path) -> io::Result<Vec<String>> {
    let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    let mut names = fs::read_dir(dir)?.map(name).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}
