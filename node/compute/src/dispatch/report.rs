//! The report of a worker.

use std::fs;
use std::path::Path;

use bacalhau_cluster::Place;
use bacalhau_receipt::{CallTrail, Receipt};
use bacalhau_tree::HostFailure;
use serde::{Deserialize, Serialize};

use super::order::{VERSION, read};

/// Maximum size of a report in bytes: a receipt lists each file of the results, and a million is allowed.
const MAX_REPORT_BYTES: u64 = 256 << 20;

/// A report.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    /// Its version.
    pub(super) version: u32,
    /// Name of the worker in the cluster.
    pub(super) worker: String,
    /// How the execution has ended.
    pub(super) end: End,
}

/// How an execution has ended on a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum End {
    /// With results, which are beside the report.
    Ran(Box<Ran>),
    /// The job is invalid on every machine.
    Refused(String),
    /// The worker failed.
    Failed(String),
}

/// A run with results.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ran {
    /// The receipt, without a signature.
    pub(super) receipt: Receipt,
    /// Its host calls.
    pub(super) calls: CallTrail,
}

impl Report {
    /// The report in the directory of an attempt.
    ///
    /// # Errors
    /// When it cannot be read, is too large, or of another version.
    pub(super) fn read(attempt: &Path) -> Result<Self, HostFailure> {
        let path = Place::report(attempt);
        let report: Self = read(&path, MAX_REPORT_BYTES)?;
        if report.version != VERSION {
            return Err(HostFailure::new(format!(
                "the report {} of a worker has version {}, and this node reads {VERSION}: install the same version on the \
                 workers",
                path.display(),
                report.version
            )));
        }
        Ok(report)
    }

    /// Writes it. The attempt counts once its directory is renamed.
    ///
    /// # Errors
    /// When it cannot be written, or is too large.
    pub(super) fn write(&self, attempt: &Path) -> Result<(), HostFailure> {
        let (path, bytes) = (Place::report(attempt), bacalhau_job::to_dag_cbor(self));
        if bytes.len() as u64 > MAX_REPORT_BYTES {
            return Err(HostFailure::new(format!(
                "the report has {} bytes, and {MAX_REPORT_BYTES} are allowed",
                bytes.len()
            )));
        }
        fs::write(&path, bytes).map_err(|error| HostFailure::at("write", &path, error))
    }
}
