//! What of a finished job is kept, and under which names: the result that stands and its receipt, or each run's own
//! where there is no verdict. Of several shards, each below `shards`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bacalhau_runtime::{HostFailure, Link, Receipt};

use super::ending::Ending;
use super::exit::Failure;
use super::place::Place;
use crate::job::{ExecutionRecord, JobId, ShardRecord};

/// Moves the results of what stands to their final place, or those of all executions where nothing does, with their
/// receipts. Says which directory that is. Executions without results here leave nothing.
///
/// # Errors
/// When the host fails; nothing is kept then.
pub(super) fn keep(place: Place, ending: &Ending) -> Result<PathBuf, Failure> {
    let finished = place.staging().join("finished");
    make_dir(&finished)?;
    let several = ending.record.shards.len() > 1;
    let mut name = name_of(&ending.record.job.id);
    for (index, (shard, results)) in ending.record.shards.iter().zip(&ending.results).enumerate() {
        let dir = if several { finished.join("shards").join(index.to_string()) } else { finished.clone() };
        for (&number, path) in results {
            let Some(receipt) = shard.execution(number).and_then(ExecutionRecord::receipt) else { continue };
            if let Some(dir) = dir_of(shard, number, &dir) {
                keep_one(path, &receipt, &dir)?;
            }
            if !several {
                name = default_name(&receipt.claim.job_cid);
            }
        }
    }
    place.publish(&finished, &name)
}

/// Writes the receipts of results that stand anew, below the directory in which they are kept: more has become known that
/// nobody claims.
///
/// # Errors
/// When the host fails.
pub(super) fn write_receipts(ending: &Ending, output_dir: &Path) -> Result<(), HostFailure> {
    let several = ending.record.shards.len() > 1;
    for (index, shard) in ending.record.shards.iter().enumerate() {
        let receipt = shard.published.and_then(|number| shard.execution(number)?.receipt());
        let dir = if several { output_dir.join("shards").join(index.to_string()) } else { output_dir.to_path_buf() };
        receipt.map_or(Ok(()), |receipt| write_receipt(&receipt, &dir))?;
    }
    Ok(())
}

/// Where below `dir` the results of an execution go, if they are kept.
pub(super) fn dir_of(shard: &ShardRecord, number: u16, dir: &Path) -> Option<PathBuf> {
    match shard.published {
        Some(published) if published == number => Some(dir.to_path_buf()),
        Some(_) => None,
        None => Some(dir.join("executions").join(number.to_string())),
    }
}

fn keep_one(from: &Path, receipt: &Receipt, dir: &Path) -> Result<(), HostFailure> {
    make_dir(dir)?;
    let results = dir.join("results");
    fs::rename(from, &results).map_err(|error| HostFailure::at("write", &results, error))?;
    write_receipt(receipt, dir)
}

/// Writes both forms of a receipt into `dir`.
///
/// # Errors
/// When the host fails.
pub(super) fn write_receipt(receipt: &Receipt, dir: &Path) -> Result<(), HostFailure> {
    write(&dir.join("receipt.json"), receipt.to_json().as_bytes())?;
    write(&dir.join("receipt.cbor"), &receipt.to_dag_cbor())
}

/// `bacalhau-` and 16 characters of the job's CID, after those that all of them share: another job of the network that
/// runs the same has the same.
pub(super) fn default_name(job: &Link) -> String {
    let text = job.to_string();
    let own = text.strip_prefix("bafyrei").unwrap_or(&text);
    named(own)
}

/// The same for a job whose shards have CIDs of their own.
fn name_of(job: &JobId) -> String {
    named(&job.to_string())
}

fn named(id: &str) -> String {
    format!("bacalhau-{}", id.chars().take(16).collect::<String>())
}

fn make_dir(dir: &Path) -> Result<(), HostFailure> {
    fs::create_dir_all(dir).map_err(|error: io::Error| HostFailure::at("make the directory", dir, error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), HostFailure> {
    fs::write(path, bytes).map_err(|error| HostFailure::at("write", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_have_different_names() {
        let [one, other] = [b"\xa0", b"\xa1"].map(|bytes| default_name(&Link::of_dag_cbor(bytes)));
        assert_eq!(one.len(), "bacalhau-".len() + 16);
        assert_ne!(one[..14], other[..14]);
    }
}
