//! What the API asks of its node. Everything is synchronous, and called on a thread that may wait.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use bacalhau_runtime::{HostFailure, Link, Publication};
use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::executions::ExecutionPage;
use crate::cas::Blocks;
use crate::daemon::ExecutionQuery;
use crate::job::{ExecutionId, JobId, Resources, SignedRequest};
use crate::protocol::Versions;

/// A node, as its API sees it. Jobs and events are read from the store beside it.
pub trait Backend: Send + Sync {
    /// Takes a job whose signature and spec were checked. It is on disk, and announced soon. The same request twice is the
    /// same job.
    ///
    /// # Errors
    /// When the node does not take it.
    fn submit(&self, request: SignedRequest) -> Result<JobId, BackendError>;

    /// Takes a job back for its client, in words that say who and why.
    ///
    /// # Errors
    /// When the node could not.
    fn cancel(&self, job: &JobId, why: &str) -> Result<(), BackendError>;

    /// Part of a log from byte `offset` on. Waits for the provider, but not for the program.
    ///
    /// # Errors
    /// When nobody has it.
    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Result<LogPart, BackendError>;

    /// What `peer`, which ran an execution, says now of its publications that take their time. `None` where it does not
    /// answer, or knows of none.
    fn publications(&self, execution: ExecutionId, peer: PeerId) -> Option<Vec<Publication>>;

    /// The results of a shard that has some.
    ///
    /// # Errors
    /// When they are not here any more.
    fn results(&self, job: &JobId, shard: u32) -> Result<ResultsDag, BackendError>;

    /// Stores the blocks of an archive for some hours, and says its roots. See [`take_car`](super::take_car).
    ///
    /// # Errors
    /// When it is no archive, lacks blocks, or there is no room.
    fn add_data(&self, car: &mut dyn Read) -> Result<Vec<Link>, BackendError>;

    /// Executions of this node as a provider, newest first, as everybody may see them.
    fn executions(&self, query: &ExecutionQuery) -> ExecutionPage;

    /// This node.
    fn node(&self) -> NodeFacts;

    /// The nodes that it knows, itself first.
    fn nodes(&self) -> Vec<NodeFacts>;

    /// What has to be right before it takes jobs.
    fn checks(&self) -> Vec<Check>;
}

/// Why the node did not do it.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// What was asked for cannot be done by anybody. In words that say what to ask for instead.
    #[error("{0}")]
    Refused(String),
    /// It is not here, or not any more.
    #[error("{0}")]
    Gone(String),
    /// Not now: the node is starting, full or ending.
    #[error("{0}")]
    Busy(String),
    /// The jobs of the client take as much as the node keeps of one client.
    #[error("{0}")]
    Quota(String),
    /// The node could not do its part.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

/// Part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPart {
    /// Bytes from the offset on; empty where there are none yet.
    pub bytes: Vec<u8>,
    /// Whether there will be no more.
    pub ended: bool,
}

/// A results directory.
#[derive(Clone, Debug)]
pub enum ResultsDag {
    /// As it lies on the disk.
    Directory(PathBuf),
    /// As a DAG, and who has its blocks.
    Dag(Link, Arc<dyn Blocks>),
}

/// What is known of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeFacts {
    /// Its name.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// What its operator calls it; known of this node only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What its operator says of it, as KEY=VALUE; known of this node only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Multiaddrs at which it can be reached.
    pub addrs: Vec<String>,
    /// What it speaks and runs, where that is known.
    pub versions: Option<Versions>,
    /// Whether there is a connection to it. True for the node itself.
    pub connected: bool,
    /// What its executions may take together; known of this node only.
    pub total: Option<Resources>,
    /// What of it is free.
    pub free: Option<Resources>,
}

/// Something that has to be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What.
    pub name: String,
    /// What is wrong with it; absent where it is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
