//! Announcements and messages for tests.

use bacalhau_runtime::{CallTrail, Link, Outcome};
use libp2p::PeerId;
use libp2p::identity::Keypair;
use proptest::prelude::*;

use super::*;
use crate::job::{
    AnnouncedJob, BidReceipt, Commitment, Deal, Hash256, Randomness, Secret, ShardRuns, SignedCommitment,
};
use crate::job::{InputSpec, JobId, JobSpec, Request, Requester, SignedRequest};

/// Always the same one for a seed.
pub(crate) fn key(seed: u8) -> Keypair {
    Keypair::ed25519_from_bytes([seed; 32]).unwrap()
}

pub(crate) fn versions() -> Versions {
    Versions { semver: "0.1.0".into(), protocol: PROTOCOL_VERSION, profiles: vec![Link::of_dag_cbor(b"profile")] }
}

/// A job of one shard that `requester` announces.
pub(crate) fn announcement(requester: PeerId, nonce: &str) -> Announcement {
    Announcement { job: job(requester, nonce).into(), versions: versions() }
}

/// The same job.
pub(crate) fn job(requester: PeerId, nonce: &str) -> AnnouncedJob {
    let job = bacalhau_runtime::Job::new(Link::of_raw(b""));
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

/// The same announcement with another job in full.
pub(crate) fn altered(announcement: &Announcement, change: impl FnOnce(&mut AnnouncedJob)) -> Announcement {
    let mut job = announcement.job.full().unwrap().as_ref().clone();
    change(&mut job);
    Announcement { job: job.into(), versions: announcement.versions.clone() }
}

/// A small message about a job that nobody knows.
pub(crate) fn running(number: u16) -> Message {
    let job: JobId = "a".repeat(32).parse().unwrap();
    Message::Running(Running { execution: job.execution(0, number) })
}

/// Messages of many kinds.
pub(crate) fn messages() -> impl Strategy<Value = Message> {
    let job: JobId = "b".repeat(32).parse().unwrap();
    let execution = move |shard, number| job.execution(shard, number);
    prop_oneof![
        proptest::collection::vec(any::<u32>(), 0..9).prop_map(move |shards| Message::Bid(Bid {
            job,
            shards,
            versions: versions(),
            claim: None,
            commit: None,
        })),
        (any::<u32>(), any::<u16>(), any::<Option<u64>>()).prop_map(move |(shard, number, silence_ms)| {
            Message::Accept(Accept { execution: execution(shard, number), silence_ms })
        }),
        (any::<u16>(), proptest::collection::vec(any::<u8>(), 0..999)).prop_map(move |(number, sealed)| {
            Message::Proposal(Proposal { execution: execution(0, number), sealed })
        }),
        (any::<u16>(), ".{0,50}").prop_map(move |(number, why)| {
            Message::Failed(Failed { execution: execution(1, number), kind: FailureKind::Host, why })
        }),
        "[a-z-]{0,20}".prop_map(move |reason| Message::Decline(Decline { job, reason })),
        (any::<bool>(), any::<bool>()).prop_map(move |(won, publish)| {
            Message::Verdict(VerdictNotice { execution: execution(2, 1), won, publish, evidence: !won })
        }),
        any::<u64>().prop_map(move |last| {
            let calls = CallTrail { count: 1, stride: 1, kept: vec![(last, 3)], last };
            Message::Evidence(Evidence { execution: execution(0, 1), receipt: None, calls })
        }),
        "\\PC{0,20}".prop_map(move |why| {
            Message::Published(Published { execution: execution(0, 3), delivery: Err(why), publications: Vec::new() })
        }),
        Just(Message::Published(Published {
            execution: execution(0, 3),
            delivery: Ok(Delivery::Dag(Link::of_raw(b"x"))),
            publications: Vec::new(),
        })),
        (proptest::option::of(any::<u32>()), ".{0,20}").prop_map(move |(shard, why)| Message::Cancel(Cancel {
            job,
            shard,
            why
        })),
        any::<[u8; 32]>().prop_map(move |commit| Message::Bid(Bid {
            job,
            shards: vec![0],
            versions: versions(),
            claim: None,
            commit: Some(commit.into()),
        })),
        any::<u64>().prop_map(move |received_ms| Message::Receipt(BidReceipt {
            job,
            bidder: key(1).public().to_peer_id(),
            commit: Hash256::of(&[b"commit"]),
            received_ms,
            signature: "00".into(),
        })),
        (
            any::<u16>(),
            proptest::collection::vec(any::<[u8; 32]>(), 0..32),
            proptest::collection::btree_set(0_u32..99, 0..9)
        )
            .prop_map(move |(round, path, shards)| {
                let shards = ShardRuns::of(shards);
                let root = Hash256::of(&[b"root"]);
                let randomness = if round % 2 == 0 {
                    Randomness::Reveal
                } else {
                    Randomness::Beacon { chain: root, round: round.into() }
                };
                let (bidders, at_ms) = (9, 7);
                let commitment =
                    Commitment { job, round, shards: shards.clone(), bidders, root, commit: root, at_ms, randomness };
                let signed = SignedCommitment { commitment, signature: "00".into() };
                let path = path.into_iter().map(Hash256::from).collect();
                Message::Committed(Committed { signed, place: 3, shards, path })
            }),
        (any::<u16>(), any::<[u8; 32]>(), 0_usize..6).prop_map(move |(round, value, hashes)| {
            let secret = Secret { value: value.into(), path: vec![Hash256::of(&[b"path"]); hashes] };
            Message::Reveal(Reveal { job, round, secret })
        }),
        (any::<bool>(), any::<u64>()).prop_map(move |(stderr, offset)| Message::Log {
            execution: execution(0, 1),
            stderr,
            offset
        }),
    ]
}

/// A ballot for `requester`.
pub(crate) fn ballot(requester: PeerId) -> Ballot {
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
