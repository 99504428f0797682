//! What happened to a job, one line each, in order: the history that is kept, streamed and shown.

use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{JobId, JobState};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// To which job.
    pub job: JobId,
    /// Unix milliseconds by the requester's clock.
    pub at_ms: u64,
    /// To which shard; absent where it is about the whole job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
    /// To which execution of the shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<u16>,
    /// By which node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub peer: Option<PeerId>,
    /// What.
    pub kind: EventKind,
    /// In words, with counts and reasons: `bids 3/7`, `proposals 2/5`.
    pub text: String,
}

/// The kinds of things that happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The job was accepted and announced.
    Created,
    /// A bid came.
    Bid,
    /// The bidding of a fair draw closed, or its draw was made.
    Draw,
    /// Bids were drawn and accepted.
    Accepted,
    /// An execution runs.
    Running,
    /// A proposal came.
    Proposed,
    /// An execution failed, or was given up.
    Failed,
    /// The only run was drawn for an audit.
    Audit,
    /// There is a verdict.
    Verdict,
    /// A winner published, and it was checked.
    Published,
    /// Nothing has happened for a while, and why.
    Stalled,
    /// The node was started again and goes on.
    Resumed,
    /// The job or shard came to its end.
    Ended(JobState),
}
