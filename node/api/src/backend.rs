//! The interface between the API and its node. All methods are synchronous and run on blocking threads.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use bacalhau_receipt::Publication;
use bacalhau_tree::{HostFailure, Link};
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::executions::ExecutionPage;
use bacalhau_cas::BlockSource;
use bacalhau_job::{ExecutionId, ExecutionQuery, JobId, Resources, SignedRequest};
use bacalhau_protocol::Versions;

/// A node as its API uses it. Jobs and events are read from the store.
pub trait Backend: Send + Sync {
    /// Accepts a job with verified signature and spec, and persists it; it is announced soon. The same request again is
    /// the same job.
    ///
    /// # Errors
    /// When the node does not accept it.
    fn submit(&self, request: SignedRequest) -> Result<JobId, BackendError>;

    /// Cancels a job for its client; `why` is recorded.
    ///
    /// # Errors
    /// When the node cannot.
    fn cancel(&self, job: &JobId, why: &str) -> Result<(), BackendError>;

    /// A part of a log from byte `offset` on. Waits for the provider, but not for the program.
    ///
    /// # Errors
    /// When no provider has it.
    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Result<LogPart, BackendError>;

    /// The state of an execution's asynchronous publications, as `peer` reports it. `None` when it does not answer or
    /// has none.
    fn publications(&self, execution: ExecutionId, peer: PeerId) -> Option<Vec<Publication>>;

    /// The results of a shard.
    ///
    /// # Errors
    /// When they were deleted.
    fn results(&self, job: &JobId, shard: u32) -> Result<ResultsDag, BackendError>;

    /// Stores the blocks of an archive for some hours, and returns its roots. See [`take_car`](super::take_car).
    ///
    /// # Errors
    /// When the archive is invalid or incomplete, or the store is full.
    fn add_data(&self, car: &mut dyn Read) -> Result<Vec<Link>, BackendError>;

    /// Executions of this node as a provider, newest first, without private data.
    fn executions(&self, query: &ExecutionQuery) -> ExecutionPage;

    /// This node.
    fn node(&self) -> NodeFacts;

    /// The nodes known to this one, itself first.
    fn nodes(&self) -> Vec<NodeFacts>;

    /// The readiness checks.
    fn checks(&self) -> Vec<Check>;
}

/// Why the node did not serve a request.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The request is invalid on every node. The text says what to change.
    #[error("{0}")]
    Refused(String),
    /// The object does not exist, or was deleted.
    #[error("{0}")]
    Gone(String),
    /// The node is starting, full or stopping.
    #[error("{0}")]
    Busy(String),
    /// The jobs of the client have reached the maximum size that the node stores for one client.
    #[error("{0}")]
    Quota(String),
    /// As many jobs wait for providers as may.
    #[error("{0}")]
    QueueFull(String),
    /// The node failed.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

/// A part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPart {
    /// Bytes from the offset on; empty when there are none yet.
    pub bytes: Vec<u8>,
    /// Whether the log ends here.
    pub ended: bool,
}

/// A results directory.
#[derive(Clone, Debug)]
pub enum ResultsDag {
    /// A directory on the disk.
    Directory(PathBuf),
    /// The root of a DAG, and the source of its blocks.
    Dag(Link, Arc<dyn BlockSource>),
}

/// Facts about a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeFacts {
    /// Peer ID of the node.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// Display name; known only for this node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Labels as KEY=VALUE; known only for this node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Multiaddrs of the node.
    pub addrs: Vec<String>,
    /// Protocol version and profiles, if known.
    pub versions: Option<Versions>,
    /// Whether there is a connection to it. True for this node.
    pub connected: bool,
    /// Total resources for executions; known only for this node.
    pub total: Option<Resources>,
    /// Free resources; known only for this node.
    pub free: Option<Resources>,
}

/// A readiness check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// Name of the check.
    pub name: String,
    /// The problem; absent if the check passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
