//! What of a finished job is kept, and under which names: the result that stands and its receipt, or each run's own
//! where there is no verdict.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bacalhau_runtime::{HostFailure, Link, Receipt};

use super::exit::Failure;
use super::place::Place;
use crate::embedded::Execution;

/// Moves the results of `chosen` to their final place, or those of all `executions` when there is none, with their
/// receipts. Says which directory that is. Executions without a receipt leave nothing.
///
/// # Errors
/// When the host fails; nothing is kept then.
pub(super) fn keep(place: Place, executions: &[Execution], chosen: Option<u16>) -> Result<PathBuf, Failure> {
    let finished = place.staging().join("finished");
    let mut name = String::from("bacalhau");
    make_dir(&finished)?;
    for execution in executions {
        let Ok(receipt) = &execution.outcome else { continue };
        match chosen {
            Some(chosen) if chosen == execution.number => keep_one(execution, receipt, &finished)?,
            Some(_) => continue,
            None => keep_one(execution, receipt, &finished.join("executions").join(execution.number.to_string()))?,
        }
        name = default_name(&receipt.claim.job_cid);
    }
    place.publish(&finished, &name)
}

fn keep_one(execution: &Execution, receipt: &Receipt, dir: &Path) -> Result<(), HostFailure> {
    make_dir(dir)?;
    let results = dir.join("results");
    fs::rename(execution.results(), &results).map_err(|error| HostFailure::at("write", &results, error))?;
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

/// `bacalhau-` and 16 characters of the job's CID, after those that all of them share.
pub(super) fn default_name(job: &Link) -> String {
    let text = job.to_string();
    let own = text.strip_prefix("bafyrei").unwrap_or(&text);
    format!("bacalhau-{}", own.chars().take(16).collect::<String>())
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
