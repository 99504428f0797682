//! Sample jobs for tests.

use bacalhau_tree::Link;
use libp2p_identity::Keypair;
use libp2p_identity::PeerId;

use bacalhau_job::{
    AnnouncedJob, Deal, Event, EventKind, JobId, JobRecord, JobSpec, JobState, Request, Requester, ShardState,
    SignedRequest,
};

/// A deterministic key.
pub fn key(number: u8) -> Keypair {
    Keypair::ed25519_from_bytes([number; 32]).unwrap()
}

/// A spec with everything at its default.
pub fn spec() -> JobSpec {
    JobSpec {
        timeout_seconds: 60,
        ..JobSpec::wasm("data:,secret-program", bacalhau_receipt::Job::new(Link::of_raw(b"")), Deal::new(1, 0).unwrap())
    }
}

/// A new job of the client with `key`, at a fixed requester.
pub fn record(spec: JobSpec, nonce: u64, key: &Keypair, created_ms: u64) -> JobRecord {
    announced(SignedRequest::sign(Request { spec, nonce: nonce.to_string() }, key).unwrap(), created_ms)
}

/// A new job from a request.
pub fn announced(request: SignedRequest, created_ms: u64) -> JobRecord {
    let peer = requester();
    let shards = vec![request.request.spec.inputs.clone()];
    let id = JobId::of(&request, &peer);
    let requester = Requester { peer, addrs: Vec::new() };
    JobRecord::new(AnnouncedJob { id, request, requester, shards, created_ms, bidding_ms: 1000, fair: None })
}

/// The fixed requester.
pub fn requester() -> PeerId {
    key(200).public().to_peer_id()
}

/// `record` at its end.
pub fn ended(mut record: JobRecord, state: ShardState, at_ms: u64) -> JobRecord {
    record.shards.iter_mut().for_each(|shard| shard.state = state);
    record.state = JobState::of(record.shards.iter().map(|shard| shard.state));
    record.ended_ms = Some(at_ms);
    record
}

/// A sample event.
pub fn event(job: &JobId, at_ms: u64, kind: EventKind, text: &str) -> Event {
    Event { job: *job, at_ms, shard: None, execution: None, peer: None, kind, text: text.into() }
}
