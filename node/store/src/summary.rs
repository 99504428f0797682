//! The summary line of a job in lists.

use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use bacalhau_job::{JobId, JobRecord, JobState, ShardState};

/// A job in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobSummary {
    /// Job id.
    pub id: JobId,
    /// State of the job.
    pub state: JobState,
    /// Unix milliseconds at which it was accepted.
    pub created_ms: u64,
    /// Time of the end.
    pub ended_ms: Option<u64>,
    /// Peer id of the client.
    #[schema(value_type = Option<String>)]
    pub client: Option<PeerId>,
    /// Words for people to find it by.
    pub labels: Vec<String>,
    /// Where the program is found; absent where the job is private.
    pub program: Option<String>,
    /// Whether inputs, logs and results are the client's alone.
    pub private: bool,
    /// How many shards there are.
    pub shards: usize,
    /// Number of shards with an accepted result.
    pub completed: usize,
    /// Its place in the queue, if it waits for providers and is not private.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}

impl JobSummary {
    /// The summary of `record`.
    pub fn of(record: &JobRecord) -> Self {
        let spec = record.job.spec();
        Self {
            id: record.job.id,
            state: record.state,
            created_ms: record.job.created_ms,
            ended_ms: record.ended_ms,
            client: record.job.request.client(),
            labels: spec.labels.clone(),
            program: (!spec.private).then(|| spec.engine.program().to_owned()),
            private: spec.private,
            shards: record.shards.len(),
            waits_for: waits_for(record),
            completed: record.shards.iter().filter(|shard| shard.state == ShardState::Completed).count(),
        }
    }
}

fn waits_for(record: &JobRecord) -> Option<String> {
    let shown = record.ended_ms.is_none() && !record.job.spec().private;
    let mut waiting = record.shards.iter().filter(|shard| shown && !shard.state.is_final());
    waiting.find_map(|shard| shard.why.clone().filter(|why| why.starts_with("queued: ")))
}
