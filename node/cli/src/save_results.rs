//! Stores the results of a finished job: the winner's result and receipt, or without a verdict each run's own. Several
//! shards go below `shards`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bacalhau_runtime::{HostFailure, Link, Receipt};

use super::exit::Failure;
use super::finished_job::FinishedJob;
use super::output_dir::OutputDir;
use bacalhau_job::{ExecutionRecord, JobId, ShardRecord};

/// Moves the winning results, or without a verdict those of all executions, with their receipts to the final place, and
/// returns that directory. Executions without local results are skipped.
///
/// # Errors
/// When the host fails; nothing is stored then.
pub(super) fn keep(place: OutputDir, job: &FinishedJob) -> Result<PathBuf, Failure> {
    let finished = place.staging().join("finished");
    make_dir(&finished)?;
    let several = job.record.shards.len() > 1;
    let mut name = name_of(&job.record.job.id);
    for (index, (shard, results)) in job.record.shards.iter().zip(&job.results).enumerate() {
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

/// Rewrites the receipts of the results in `output_dir` after unclaimed data has changed.
///
/// # Errors
/// When the host fails.
pub(super) fn write_receipts(job: &FinishedJob, output_dir: &Path) -> Result<(), HostFailure> {
    let several = job.record.shards.len() > 1;
    for (index, shard) in job.record.shards.iter().enumerate() {
        let receipt = shard.published.and_then(|number| shard.execution(number)?.receipt());
        let dir = if several { output_dir.join("shards").join(index.to_string()) } else { output_dir.to_path_buf() };
        receipt.map_or(Ok(()), |receipt| write_receipt(&receipt, &dir))?;
    }
    Ok(())
}

/// The directory below `dir` for the results of an execution.
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

/// `bacalhau-` and 16 characters of the job's CID, after the common prefix. The same program run again has the same
/// name.
pub(super) fn default_name(job: &Link) -> String {
    let text = job.to_string();
    let own = text.strip_prefix("bafyrei").unwrap_or(&text);
    named(own)
}

/// The default name for a job whose shards have their own CIDs.
fn name_of(job: &JobId) -> String {
    named(&job.to_string())
}

fn named(id: &str) -> String {
    format!("bacalhau-{}", id.chars().take(16).collect::<String>())
}

fn make_dir(dir: &Path) -> Result<(), HostFailure> {
    fs::create_dir_all(dir).map_err(|error: io::Error| HostFailure::at("create the directory", dir, error))
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
