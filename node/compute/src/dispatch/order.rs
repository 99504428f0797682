//! The job file: everything that a worker needs to know of an execution.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use bacalhau_cluster::Place;
use bacalhau_job::{AnnouncedJob, ExecutionId};
use bacalhau_receipt::Service;
use bacalhau_storage::UnsealedVerify;
use bacalhau_tree::HostFailure;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of job files and reports. Front node and workers need the same one.
pub(super) const VERSION: u32 = 1;
/// Maximum size of a job file in bytes. A job has 256 KiB at most, and its inputs are listed twice.
const MAX_ORDER_BYTES: u64 = 16 << 20;

/// A job file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// Its version.
    pub(super) version: u32,
    /// The execution.
    pub(super) execution: ExecutionId,
    /// Its job, without the inputs of other shards.
    pub(super) job: AnnouncedJob,
    /// Inputs that were copied, by guest path.
    pub(super) copies: BTreeMap<String, InputCopy>,
    /// Source of the module for the receipt. The module itself is a file beside this one.
    pub(super) module_source: String,
    /// Maximum bytes that the execution may write to the disk.
    pub(super) disk_bytes: u64,
    /// Settings of the node.
    pub(super) settings: WorkerSettings,
}

/// A copy of an input.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputCopy {
    /// Its name in the directory of inputs.
    pub(super) name: String,
    /// Its source for the receipt.
    pub(super) source: String,
    /// The services from which it was copied.
    pub(super) services: Vec<Service>,
}

/// Settings of a front node that its workers follow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    /// Directory for compiled modules and the like. Each machine has a directory of its own in it.
    pub scratch_dir: PathBuf,
    /// Directories from which jobs may read.
    pub local_paths: Vec<PathBuf>,
    /// Path template of unsealed copies.
    pub unsealed: Option<String>,
    /// Path templates of pieces.
    pub piece_paths: Vec<String>,
    /// File with numbers of pieces.
    pub piece_numbers: Option<PathBuf>,
    /// Check of unsealed copies and pieces.
    pub verify: UnsealedVerify,
    /// Maximum size of a module in bytes.
    pub module_bytes: u64,
    /// Host memory of a run in bytes. Default: that of the runtime.
    pub host_bytes: Option<u64>,
}

impl Order {
    /// The stored order.
    ///
    /// # Errors
    /// When it cannot be read, is too large, or of another version.
    pub(super) fn read(place: &Place) -> Result<Self, HostFailure> {
        let path = place.order();
        let order: Self = read(&path, MAX_ORDER_BYTES)?;
        if order.version != VERSION {
            let found = order.version;
            return Err(HostFailure::new(format!(
                "the job file {} has version {found}, and this program reads {VERSION}: install the version of the front \
                 node",
                path.display()
            )));
        }
        Ok(order)
    }

    /// Writes it, completely or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, place: &Place) -> Result<(), HostFailure> {
        let path = place.order();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        place.write(name, &bacalhau_job::to_dag_cbor(self)).map_err(|error| HostFailure::at("write", &path, error))
    }

    /// Whether it is for this execution of `job`.
    pub(super) fn is_for(&self, execution: ExecutionId, job: &AnnouncedJob) -> bool {
        self.execution == execution && self.job.id == job.id
    }
}

/// Reads DAG-CBOR from a file of at most `most` bytes.
///
/// # Errors
/// When it cannot be read, is larger, or has another form.
pub(super) fn read<T: DeserializeOwned>(path: &Path, most: u64) -> Result<T, HostFailure> {
    let failed = |error| HostFailure::at("read", path, error);
    let metadata = fs::symlink_metadata(path).map_err(failed)?;
    if !metadata.is_file() || metadata.len() > most {
        return Err(failed(io::Error::other(format!("it is not a file of at most {most} bytes"))));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(failed)?;
    serde_ipld_dagcbor::from_slice(&bytes).map_err(|error| failed(io::Error::other(error.to_string())))
}
