//! An execution as the node that runs it knows it.

use bacalhau_runtime::Outcome;
use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ExecutionId, ExecutionState};

/// An execution of a node. Times are Unix milliseconds by the node's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionStatus {
    /// `JOB:SHARD:NUMBER`.
    #[schema(value_type = String)]
    pub id: ExecutionId,
    /// The node that answers for the job.
    #[schema(value_type = String)]
    pub requester: PeerId,
    /// Whether the job is private: then `why` and `outcome` are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// Its state as the node knows it: `Running` from the accepted bid on, `Proposed` until the verdict is known.
    pub state: ExecutionState,
    /// When its bid was accepted, or when it was taken up again after a restart.
    pub started_ms: u64,
    /// When the program ended, however it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// How the program ended, once the verdict is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub outcome: Option<Outcome>,
    /// Why it failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
