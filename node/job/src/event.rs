//! Events of a job, one line each, in order: stored, streamed and shown.

use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{JobId, JobState};

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Job id.
    pub job: JobId,
    /// Unix milliseconds by the requester's clock.
    pub at_ms: u64,
    /// To which shard; absent where it is about the whole job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
    /// The execution of the shard that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<u16>,
    /// Peer id of the node, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub peer: Option<PeerId>,
    /// Kind of the event.
    pub kind: EventKind,
    /// Description with counts and reasons: `bids 3/7`, `proposals 2/5`.
    pub text: String,
}

/// The kinds of things that happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The job was accepted and announced.
    Created,
    /// A bid arrived.
    Bid,
    /// The bidding of a fair draw closed, or its draw was made.
    Draw,
    /// Bids were drawn and accepted.
    Accepted,
    /// An execution has started.
    Running,
    /// A proposal arrived.
    Proposed,
    /// An execution failed or timed out.
    Failed,
    /// The only run was drawn for an audit.
    Audit,
    /// There is a verdict.
    Verdict,
    /// A winner published, and it was checked.
    Published,
    /// There was no progress for a while, with the reason.
    Stalled,
    /// The node was restarted and resumes the job.
    Resumed,
    /// The job or shard has ended.
    Ended(JobState),
}
