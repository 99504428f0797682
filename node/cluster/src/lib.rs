//! Executions as jobs of a cluster that has its own scheduler. A front node submits one job for each execution, and waits
//! for the report that a worker leaves in a shared directory. Scheduling, placement and retries are the cluster's.
//!
//! [`Cluster`] is the interface to a scheduler, [`Slurm`] one of them. [`Dispatcher`] waits for all executions of a
//! node with one request at a time. `tracker` decides what the state of a job means, without I/O.

mod cluster;
mod counts;
mod dispatcher;
mod place;
mod slurm;
mod tracker;

pub use cluster::{Cluster, ClusterJob, Phase, Submission, SubmitError};
pub use dispatcher::Dispatcher;
pub use place::{Place, attempt_name};
pub use slurm::{Slurm, SlurmConfig};
