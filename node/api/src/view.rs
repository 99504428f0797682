//! Views of a job: complete for its client, without private data for everyone else.

use std::collections::BTreeSet;

use bacalhau_receipt::Job;
use bacalhau_tree::Link;
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use bacalhau_job::{
    DockerSpec, Engine, ExecutionMemo, ExecutionRecord, JobRecord, JobSpec, Request, ShardRecord, WasmSpec,
};
use bacalhau_store::StoredEvent;

/// A job as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Description {
    /// Whether private data was left out, because the request was not signed by the job's client: program, arguments,
    /// inputs, the request's signature, results and their judgement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
    /// The record.
    #[serde(flatten)]
    pub record: JobRecord,
}

impl Description {
    /// The view of `record` with or without private data.
    pub(super) fn of(mut record: JobRecord, may_see: bool) -> Self {
        for shard in &mut record.shards {
            let sealed = shard.verdict.is_none() && !shard.state.is_final();
            shard.executions.iter_mut().for_each(|execution| keep_sealed(execution, sealed));
        }
        if !record.state.is_final() {
            keep_bidders(&mut record);
        }
        if !may_see {
            withhold(&mut record);
        }
        Self { withheld: !may_see, record }
    }
}

/// Hides proposals before the verdict, so that a provider cannot copy them.
fn keep_sealed(execution: &mut ExecutionRecord, sealed: bool) {
    // Local paths of the requester.
    execution.memo = ExecutionMemo::default();
    if sealed {
        let ExecutionRecord { h1, claim, outcome, fuel, .. } = execution;
        (*h1, *claim, *outcome, *fuel) = (None, None, None, None);
    }
}

/// Hides bidders before a fair draw, so that a bidder cannot choose its peer ID by them.
fn keep_bidders(record: &mut JobRecord) {
    let Some(fair) = &mut record.fair else { return };
    let drawn: BTreeSet<PeerId> = fair
        .rounds
        .iter()
        .filter(|round| round.drawn_ms.is_some())
        .flat_map(|round| round.set.iter().map(|entry| entry.peer))
        .collect();
    fair.rounds.retain(|round| round.drawn_ms.is_some());
    fair.bidders.retain(|bidder| drawn.contains(&bidder.peer));
    for shard in &mut record.shards {
        shard.bids.retain(|bid| drawn.contains(&bid.peer));
    }
}

/// Reduces a private job to public data: client, providers and states. Kept fields are listed, so that new fields are
/// hidden by default.
fn withhold(record: &mut JobRecord) {
    let request = &mut record.job.request;
    let spec = &request.request.spec;
    let engine = match &spec.engine {
        // The CID of empty content replaces that of the module.
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
    // It would confirm a guess of the rest.
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

/// The shown events: their texts may name inputs.
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
    use bacalhau_receipt::Outcome;
    use libp2p_identity::PeerId;

    use super::*;
    use bacalhau_job::{
        BidRecord, Commitment, ExecutionState, FairBidder, FairRound, FairTerms, Hash256, Randomness, SetEntry,
        ShardRuns, SignedCommitment,
    };
    use bacalhau_job::{Rule, Verdict};
    use bacalhau_testkit::jobs::job;

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
        record.shards[0].verdict = Some(Verdict::new(Rule::OneRun, Vec::new(), Vec::new(), 1));
        let after = shown(&record);
        assert_eq!((&after["h1"], &after["fuel"]), (&"h1:secret".into(), &7.into()));
        assert!(after["memo"]["salt"].is_null());
    }

    #[test]
    fn nobody_sees_who_bids_before_a_fair_draw() {
        let mut job = job(PeerId::random(), "fair");
        let commit = Hash256::of(&[b"commit"]);
        job.fair = Some(FairTerms { window_ms: 2_000, commit, beacon: None });
        let mut record = JobRecord::new(job);
        let peer = PeerId::random();
        record.shards[0].bids.push(BidRecord { peer, at_ms: 0, accepted: None, operator: None });
        let fair = record.fair.as_mut().unwrap();
        fair.bidders.push(FairBidder { peer, commit, received_ms: 0 });
        let set = vec![SetEntry { peer, shards: ShardRuns::of([0]), commit }];
        let commitment = Commitment {
            job: record.job.id,
            round: 1,
            shards: ShardRuns::of([0]),
            bidders: 1,
            root: FairRound::tree(&set).root(),
            commit,
            at_ms: 0,
            randomness: Randomness::Reveal,
        };
        let signed = SignedCommitment { commitment, signature: String::new() };
        fair.rounds.push(FairRound { signed, set, secret: None, reveals: Vec::new(), beacon: None, drawn_ms: None });
        let shown = |record: &JobRecord| serde_json::to_string(&Description::of(record.clone(), true)).unwrap();
        assert!(!shown(&record).contains(&peer.to_string()), "{}", shown(&record));
        record.fair.as_mut().unwrap().rounds[0].drawn_ms = Some(1);
        assert_eq!(shown(&record).matches(&peer.to_string()).count(), 3, "{}", shown(&record));
    }
}
