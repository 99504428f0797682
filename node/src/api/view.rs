//! A job as it is shown: all of it to its client, and to everybody what is not private.

use bacalhau_runtime::Job;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::job::{Engine, ExecutionMemo, ExecutionRecord, JobRecord, ShardRecord};
use crate::store::StoredEvent;

/// What is known of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Description {
    /// Whether what is private was left out, since the request was not signed by the job's client. The signature of the
    /// job's request does not fit what is left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
    /// The record.
    #[serde(flatten)]
    pub record: JobRecord,
}

impl Description {
    /// That of `record`, for somebody who may see what is private of it or not.
    pub(super) fn of(mut record: JobRecord, may_see: bool) -> Self {
        for execution in record.shards.iter_mut().flat_map(|shard| &mut shard.executions) {
            // The requester's own, and where results lie.
            execution.memo = ExecutionMemo::default();
        }
        if !may_see {
            withhold(&mut record);
        }
        Self { withheld: !may_see, record }
    }
}

fn withhold(record: &mut JobRecord) {
    let spec = &mut record.job.request.request.spec;
    let Engine::Wasm(wasm) = &mut spec.engine;
    wasm.module = String::new();
    wasm.job = Job { limits: wasm.job.limits.clone(), ..Job::new(wasm.job.module) };
    spec.inputs.clear();
    spec.sharding = None;
    record.job.shards.iter_mut().for_each(Vec::clear);
    record.shards.iter_mut().for_each(withhold_shard);
}

fn withhold_shard(shard: &mut ShardRecord) {
    shard.findings.clear();
    shard.why = None;
    for execution in &mut shard.executions {
        let ExecutionRecord { why, receipt, calls, publications, .. } = execution;
        (*why, *receipt, *calls) = (None, None, None);
        publications.clear();
    }
}

/// Events as they are shown: words may name inputs.
pub(super) fn shown(mut events: Vec<StoredEvent>, may_see: bool) -> Vec<StoredEvent> {
    if !may_see {
        for event in &mut events {
            event.event.text.clear();
        }
    }
    events
}
