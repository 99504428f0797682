//! Announcements and messages for tests.

use bacalhau_job::{AnnouncedJob, Deal, InputSpec, JobId, JobSpec, Request, Requester, SignedRequest};
use bacalhau_protocol::{Announcement, Ballot, Message, PROTOCOL_VERSION, Running, Versions};
use bacalhau_receipt::Outcome;
use bacalhau_tree::Link;
use libp2p_identity::Keypair;
use libp2p_identity::PeerId;

/// A deterministic key.
pub fn key(seed: u8) -> Keypair {
    Keypair::ed25519_from_bytes([seed; 32]).unwrap()
}

/// Versions of a node in these tests.
pub fn versions() -> Versions {
    Versions { semver: "0.1.0".into(), protocol: PROTOCOL_VERSION, profiles: vec![Link::of_dag_cbor(b"profile")] }
}

/// A job of one shard that `requester` announces.
pub fn announcement(requester: PeerId, nonce: &str) -> Announcement {
    Announcement { job: job(requester, nonce).into(), versions: versions() }
}

/// A sample job.
pub fn job(requester: PeerId, nonce: &str) -> AnnouncedJob {
    let job = bacalhau_receipt::Job::new(Link::of_raw(b""));
    let input = InputSpec { source: "data:,x".into(), target: "/inputs/x".into() };
    let spec = JobSpec {
        inputs: vec![input.clone()],
        timeout_seconds: 60,
        ..JobSpec::wasm("data:,x", job, Deal::new(3, 2).unwrap())
    };
    let request = SignedRequest::sign(Request { spec, nonce: nonce.into() }, &key(9)).unwrap();
    AnnouncedJob {
        id: JobId::of(&request, &requester),
        request,
        requester: Requester { peer: requester, addrs: Vec::new() },
        shards: vec![vec![input]],
        created_ms: 1,
        bidding_ms: 30_000,
        fair: None,
    }
}

/// The announcement with an altered full job.
pub fn altered(announcement: &Announcement, change: impl FnOnce(&mut AnnouncedJob)) -> Announcement {
    let mut job = announcement.job.full().unwrap().as_ref().clone();
    change(&mut job);
    Announcement { job: job.into(), versions: announcement.versions.clone() }
}

/// A small message about an unknown job.
pub fn running(number: u16) -> Message {
    let job: JobId = "a".repeat(32).parse().unwrap();
    Message::Running(Running { execution: job.execution(0, number) })
}

/// A ballot for `requester`.
pub fn ballot(requester: PeerId) -> Ballot {
    let job: JobId = "a".repeat(32).parse().unwrap();
    Ballot {
        execution: job.execution(3, 2),
        provider: key(1).public().to_peer_id(),
        requester,
        salt: "00".repeat(16),
        h1: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".into(),
        claim: Link::of_dag_cbor(b"claim"),
        outcome: Outcome::Exit(0),
        fuel: 17,
    }
}
