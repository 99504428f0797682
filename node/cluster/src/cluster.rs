//! The interface to the scheduler of a cluster.

use std::fmt::Debug;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use bacalhau_job::ExecutionId;
use bacalhau_tree::HostFailure;

/// A scheduler. Its methods block, and are called from several threads.
pub trait Cluster: Send + Sync + Debug {
    /// Its name in logs: `slurm` or `kubernetes`.
    fn name(&self) -> &'static str;

    /// Submits a job that runs `bacalhau execute` on the directory of the execution, and returns the id of the job.
    ///
    /// # Errors
    /// Whether the job was rejected, or may exist.
    fn submit(&self, submission: &Submission) -> Result<String, SubmitError>;

    /// All jobs of this node that the cluster knows, also ended ones, in one request.
    ///
    /// # Errors
    /// When the cluster does not answer.
    fn list(&self) -> Result<Vec<ClusterJob>, HostFailure>;

    /// Ends these jobs. Ended and unknown ones are not an error.
    ///
    /// # Errors
    /// When the cluster does not answer.
    fn cancel(&self, jobs: &[String]) -> Result<(), HostFailure>;

    /// Returns when a job may have changed its state, after `most` at the latest.
    fn wait(&self, most: Duration) {
        thread::sleep(most);
    }
}

/// An execution for the cluster.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The execution.
    pub execution: ExecutionId,
    /// Its directory, at the same path on all machines.
    pub dir: PathBuf,
    /// CPU in thousandths of a core.
    pub cpu_millis: u64,
    /// Memory of the worker in bytes.
    pub memory_bytes: u64,
    /// Disk that the execution may write in bytes.
    pub disk_bytes: u64,
    /// Timeout of the execution, which the worker applies. The cluster's own limit has to be longer.
    pub timeout: Duration,
}

/// A job of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterJob {
    /// Its id in the cluster.
    pub id: String,
    /// The execution that it is for.
    pub execution: ExecutionId,
    /// Its state.
    pub phase: Phase,
}

/// State of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It waits, also after an attempt that the cluster repeats.
    Pending,
    /// It waits, and its worker cannot be started as things are. The cluster tries again. The reason is for people.
    Stuck(String),
    /// A worker runs.
    Running,
    /// The worker has ended with success.
    Ended,
    /// It has ended without success, and the cluster does not repeat it. The reason is for people.
    Failed(String),
}

impl Phase {
    /// Whether the job may still run.
    pub fn is_alive(&self) -> bool {
        matches!(self, Self::Pending | Self::Stuck(_) | Self::Running)
    }
}

/// Why there is no id of a submitted job.
#[derive(Debug)]
pub enum SubmitError {
    /// The cluster has rejected it, and would again.
    Rejected(HostFailure),
    /// No answer: the job may exist.
    Unanswered(HostFailure),
}
