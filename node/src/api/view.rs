//! A job as it is shown: all of it to its client, and to everybody what is not private.

use bacalhau_runtime::{Job, Link};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::job::{
    DockerSpec, Engine, ExecutionMemo, ExecutionRecord, JobRecord, JobSpec, Request, ShardRecord, WasmSpec,
};
use crate::store::StoredEvent;

/// What is known of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Description {
    /// Whether what is private was left out, since the request was not signed by the job's client: the program, its
    /// arguments and inputs, the request's signature, results and how they were judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
    /// The record.
    #[serde(flatten)]
    pub record: JobRecord,
}

impl Description {
    /// That of `record`, for somebody who may see what is private of it or not.
    pub(super) fn of(mut record: JobRecord, may_see: bool) -> Self {
        for shard in &mut record.shards {
            let sealed = shard.verdict.is_none() && !shard.state.is_final();
            shard.executions.iter_mut().for_each(|execution| keep_sealed(execution, sealed));
        }
        if !may_see {
            withhold(&mut record);
        }
        Self { withheld: !may_see, record }
    }
}

/// Before the verdict, what somebody proposed is nobody's business: a provider could copy it.
fn keep_sealed(execution: &mut ExecutionRecord, sealed: bool) {
    // The requester's own, and where results lie.
    execution.memo = ExecutionMemo::default();
    if sealed {
        let ExecutionRecord { h1, claim, outcome, fuel, .. } = execution;
        (*h1, *claim, *outcome, *fuel) = (None, None, None, None);
    }
}

/// Leaves of a private job what everybody may see: who wants it, who runs it, and where it stands. What is kept is listed here, so
/// that what is added to a record later is not shown by mistake.
fn withhold(record: &mut JobRecord) {
    let request = &mut record.job.request;
    let spec = &request.request.spec;
    let engine = match &spec.engine {
        // The CID of no bytes at all stands in place of the module's.
        Engine::Wasm(_) => Engine::Wasm(WasmSpec { module: String::new(), job: Job::new(Link::of_raw(b"")) }),
        Engine::Docker(_) => Engine::Docker(DockerSpec::of(String::new())),
    };
    let spec = JobSpec {
        resources: spec.resources,
        timeout_seconds: spec.timeout_seconds,
        labels: spec.labels.clone(),
        private: true,
        ..JobSpec::new(engine, spec.deal)
    };
    request.request = Request { spec, nonce: String::new() };
    // With it, a guess at the rest could be checked.
    request.signature = String::new();
    record.job.shards.iter_mut().for_each(Vec::clear);
    record.shards.iter_mut().for_each(withhold_shard);
}

fn withhold_shard(shard: &mut ShardRecord) {
    let ShardRecord { state, distinct, bids, draws, executions, published, .. } = std::mem::take(shard);
    let executions = executions.into_iter().map(withheld_execution).collect();
    *shard = ShardRecord { state, distinct, bids, draws, executions, published, ..ShardRecord::default() };
}

fn withheld_execution(execution: ExecutionRecord) -> ExecutionRecord {
    let ExecutionRecord { number, peer, operator, state, accepted_ms, ended_ms, .. } = execution;
    ExecutionRecord {
        number,
        peer,
        operator,
        state,
        accepted_ms,
        ended_ms,
        h1: None,
        claim: None,
        outcome: None,
        fuel: None,
        why: None,
        receipt: None,
        calls: None,
        publications: Vec::new(),
        memo: ExecutionMemo::default(),
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

#[cfg(test)]
mod tests {
    use bacalhau_runtime::Outcome;
    use libp2p::PeerId;

    use super::*;
    use crate::job::ExecutionState;
    use crate::protocol::samples::job;
    use crate::verify::{Rule, Verdict};

    #[test]
    fn nobody_sees_a_ballot_before_the_verdict() {
        let mut record = JobRecord::new(job(PeerId::random(), "view"));
        record.shards[0].executions.push(ExecutionRecord {
            number: 1,
            peer: PeerId::random(),
            operator: None,
            state: ExecutionState::Proposed,
            accepted_ms: 0,
            ended_ms: Some(1),
            h1: Some("h1:secret".into()),
            claim: Some(Link::of_raw(b"secret")),
            outcome: Some(Outcome::Exit(0)),
            fuel: Some(7),
            why: None,
            receipt: None,
            calls: None,
            publications: Vec::new(),
            memo: ExecutionMemo { salt: Some("secret".into()), ..ExecutionMemo::default() },
        });
        let shown = |record: &JobRecord| {
            serde_json::to_value(Description::of(record.clone(), true)).unwrap()["shards"][0]["executions"][0].clone()
        };
        let before = shown(&record);
        assert!(["h1", "claim", "outcome", "fuel"].iter().all(|field| before[field].is_null()), "{before}");
        assert!(!before.to_string().contains("secret"), "{before}");
        record.shards[0].verdict = Some(Verdict { rule: Rule::OneRun, groups: Vec::new(), absent: Vec::new() });
        let after = shown(&record);
        assert_eq!((&after["h1"], &after["fuel"]), (&"h1:secret".into(), &7.into()));
        assert!(after["memo"]["salt"].is_null());
    }
}
