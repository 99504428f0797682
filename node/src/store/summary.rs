//! A job in one line: what lists show of it, to everybody.

use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::job::{JobId, JobRecord, JobState, ShardState};

/// A job in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobSummary {
    /// Its name.
    pub id: JobId,
    /// Where it stands.
    pub state: JobState,
    /// Unix milliseconds at which it was accepted.
    pub created_ms: u64,
    /// When it came to its end.
    pub ended_ms: Option<u64>,
    /// Who wants it.
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
    /// How many of them have a result that stands.
    pub completed: usize,
}

impl JobSummary {
    /// That of `record`.
    pub fn of(record: &JobRecord) -> Self {
        let spec = &record.job.request.request.spec;
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
            completed: record.shards.iter().filter(|shard| shard.state == ShardState::Completed).count(),
        }
    }
}
