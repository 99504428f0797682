//! Jobs for tests.

use bacalhau_runtime::Link;
use libp2p::PeerId;
use libp2p::identity::Keypair;

use crate::job::{
    AnnouncedJob, Deal, Event, EventKind, JobId, JobRecord, JobSpec, JobState, Request, Requester, ShardState,
    SignedRequest,
};

/// The same key for the same number.
pub(crate) fn key(number: u8) -> Keypair {
    Keypair::ed25519_from_bytes([number; 32]).unwrap()
}

/// A spec with everything at its default.
pub(crate) fn spec() -> JobSpec {
    JobSpec {
        timeout_seconds: 60,
        ..JobSpec::wasm("data:,secret-program", bacalhau_runtime::Job::new(Link::of_raw(b"")), Deal::new(1, 0).unwrap())
    }
}

/// A job that was just taken from the client with `key`, by a requester that is always the same.
pub(crate) fn record(spec: JobSpec, nonce: u64, key: &Keypair, created_ms: u64) -> JobRecord {
    announced(SignedRequest::sign(Request { spec, nonce: nonce.to_string() }, key).unwrap(), created_ms)
}

/// The same, of a request.
pub(crate) fn announced(request: SignedRequest, created_ms: u64) -> JobRecord {
    let peer = requester();
    let shards = vec![request.request.spec.inputs.clone()];
    let id = JobId::of(&request, &peer);
    let requester = Requester { peer, addrs: Vec::new() };
    JobRecord::new(AnnouncedJob { id, request, requester, shards, created_ms, bidding_ms: 1000, fair: None })
}

/// Who takes the jobs.
pub(crate) fn requester() -> PeerId {
    key(200).public().to_peer_id()
}

/// `record` at its end.
pub(crate) fn ended(mut record: JobRecord, state: ShardState, at_ms: u64) -> JobRecord {
    record.shards.iter_mut().for_each(|shard| shard.state = state);
    record.state = JobState::of(record.shards.iter().map(|shard| shard.state));
    record.ended_ms = Some(at_ms);
    record
}

/// Something that happened.
pub(crate) fn event(job: &JobId, at_ms: u64, kind: EventKind, text: &str) -> Event {
    Event { job: *job, at_ms, shard: None, execution: None, peer: None, kind, text: text.into() }
}
