//! One meaning, one encoding, one signer.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use libp2p_identity::PeerId;
use proptest::prelude::*;

use bacalhau_job::{
    Announced, AnnouncedJob, BidReceipt, Commitment, Delivery, FailureKind, Hash256, JobBrief, JobId, MAX_FULL_BYTES,
    MAX_SHARDS, Randomness, Secret, ShardRuns, SignedCommitment, to_dag_cbor,
};
use bacalhau_protocol::*;
use bacalhau_receipt::CallTrail;
use bacalhau_testkit::jobs::{altered, announcement, job, key, running, versions};
use bacalhau_tree::Link;

fn peer(seed: u8) -> PeerId {
    key(seed).public().to_peer_id()
}

fn envelope(message: Message) -> Envelope {
    Envelope { from: peer(1), to: peer(2), message }
}

proptest! {
    #[test]
    fn messages_are_read_as_they_were_signed(message in messages()) {
        let envelope = envelope(message);
        let bytes = envelope.sign(&key(1)).unwrap();
        prop_assert_eq!(Envelope::open(&bytes), Ok(envelope));
    }

    #[test]
    fn nothing_of_a_message_can_be_changed(message in messages(), at: prop::sample::Index, bit in 0_u8..8) {
        let mut bytes = envelope(message).sign(&key(1)).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        prop_assert!(Envelope::open(&bytes).is_err());
    }

    #[test]
    fn what_is_read_is_written_in_the_same_bytes(message in messages(), at: prop::sample::Index, byte: u8) {
        let mut bytes = envelope(message).encode().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = Envelope::decode(&bytes) {
            prop_assert_eq!(read.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn no_bytes_are_read_by_accident(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Envelope::open(&bytes).is_err());
        prop_assert!(Announcement::decode(&bytes).is_err());
    }
}

#[test]
fn replies_and_announcements_are_read_as_they_were_written() {
    let log = Reply::Log { bytes: vec![0, 255, 3], ended: true };
    for reply in [Reply::Taken, Reply::Refused(Refusal::NotYours), log] {
        assert_eq!(Reply::decode(&reply.encode().unwrap()), Ok(reply));
    }
    let announced = announcement(peer(1), "1");
    let bytes = announced.encode().unwrap();
    assert_eq!(Announcement::decode(&bytes), Ok(announced));
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(Announcement::decode(&longer), Err(WireError::Malformed(_) | WireError::NotCanonical)));
    assert!(matches!(Announcement::decode(&bytes[..bytes.len() - 1]), Err(WireError::Malformed(_))));
}

#[test]
fn a_second_way_of_writing_the_same_is_refused() {
    // `Taken` is a text of five letters; its length can be written in one byte more, and a reader may not mind.
    let canonical = Reply::Taken.encode().unwrap();
    let longer = [&[0x78, 5][..], &canonical[1..]].concat();
    assert!(matches!(Reply::decode(&longer), Err(WireError::Malformed(_) | WireError::NotCanonical)));
    // Keys of a map in another order.
    let log = Reply::Log { bytes: Vec::new(), ended: true };
    let bytes = log.encode().unwrap();
    let (first, second) = (b"\x65bytes\x40".as_slice(), b"\x65ended\xf5".as_slice());
    let at = bytes.windows(first.len()).position(|window| window == first).unwrap();
    let swapped = [&bytes[..at], second, first].concat();
    assert_eq!(swapped.len(), bytes.len());
    assert!(matches!(Reply::decode(&swapped), Err(WireError::Malformed(_) | WireError::NotCanonical)));
}

#[test]
fn an_acceptance_with_the_default_silence_is_the_message_that_older_nodes_know() {
    let job: JobId = "a".repeat(32).parse().unwrap();
    let execution = job.execution(0, 1);
    let older = to_dag_cbor(&serde_json::json!({ "execution": execution }));
    let accept = Accept::new(execution, DEFAULT_SILENCE_MS);
    assert_eq!(to_dag_cbor(&accept), older);
    assert_eq!(accept.silence_ms(), DEFAULT_SILENCE_MS);
    let other = envelope(Message::Accept(Accept::new(execution, 90_000)));
    let read = Envelope::decode(&other.encode().unwrap()).unwrap();
    assert!(matches!(read.message, Message::Accept(accept) if accept.silence_ms() == 90_000));
}

#[test]
fn too_many_bytes_are_not_looked_at() {
    let bytes = vec![0; MAX_SIGNED_BYTES + 1];
    assert!(matches!(Envelope::open(&bytes), Err(WireError::TooLarge { allowed: MAX_SIGNED_BYTES, .. })));
    assert!(matches!(Reply::decode(&bytes), Err(WireError::TooLarge { allowed: MAX_REPLY_BYTES, .. })));
    assert!(matches!(Announcement::decode(&bytes), Err(WireError::TooLarge { .. })));
    let log = Reply::Log { bytes: vec![0; MAX_REPLY_BYTES], ended: false };
    assert!(matches!(log.encode(), Err(WireError::TooLarge { .. })));
}

#[test]
fn deep_nesting_is_no_way_to_the_end_of_the_stack() {
    let mut bytes = vec![0x81; MAX_ANNOUNCEMENT_BYTES - 1];
    bytes.push(0xf6);
    assert!(matches!(Announcement::decode(&bytes), Err(WireError::Malformed(_))));
    let mut bytes = [b"\xa1\x63job".as_slice(), &vec![0x81; MAX_ANNOUNCEMENT_BYTES - 6], b"\xf6"].concat();
    assert!(matches!(Announcement::decode(&bytes), Err(WireError::Malformed(_))));
    bytes.splice(1..5, *b"\x63xxx");
    assert!(matches!(Announcement::decode(&bytes), Err(WireError::Malformed(_))));
}

#[test]
fn a_message_is_its_senders() {
    let message = envelope(running(1));
    assert_eq!(message.sign(&key(3)), Err(WireError::Signature), "nobody signs for another");
    // Signed by somebody else in the sender's name.
    let mut forged = Envelope { from: peer(3), ..message.clone() }.sign(&key(3)).unwrap();
    forged.truncate(64);
    forged.extend(message.encode().unwrap());
    assert_eq!(Envelope::open(&forged), Err(WireError::Signature));
    // A name that carries no key, such as those of RSA keys.
    let hashed: PeerId = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N".parse().unwrap();
    let nobody = [vec![0; 64], Envelope { from: hashed, ..message }.encode().unwrap()].concat();
    assert_eq!(Envelope::open(&nobody), Err(WireError::Key));
    assert_eq!(Envelope::open(&[0; 63]), Err(WireError::Malformed("it is cut off".into())));
}

#[test]
fn only_its_requester_announces_a_job_and_only_as_it_is() {
    let good = announcement(peer(1), "1");
    assert_eq!(good.check(&peer(1)), Ok(()));
    let wrong = |change: &dyn Fn(&mut AnnouncedJob)| altered(&good, change).check(&peer(1)).unwrap_err();
    assert!(matches!(good.check(&peer(2)), Err(AnnouncementError::Requester { .. })));
    let newer = Announcement { versions: Versions { protocol: 2, ..good.versions.clone() }, ..good.clone() };
    assert!(newer.check(&peer(1)).unwrap_err().is_innocent());
    assert_eq!(wrong(&|a| a.id = JobId::of(&a.request, &peer(2))), AnnouncementError::Id);
    assert_eq!(wrong(&|a| a.request.request.nonce = "2".into()), AnnouncementError::Id);
    let signature = wrong(&|a| {
        a.request.request.nonce = "2".into();
        a.id = JobId::of(&a.request, &peer(1));
    });
    assert!(matches!(signature, AnnouncementError::Request(_)) && !signature.is_innocent());
    assert_eq!(wrong(&|a| a.shards.clear()), AnnouncementError::Bounds(0, "shards"));
    assert!(matches!(
        wrong(&|a| a.shards = vec![Vec::new(); MAX_SHARDS + 1]),
        AnnouncementError::Bounds(10_001, "shards")
    ));
    assert!(matches!(wrong(&|a| a.bidding_ms = u64::MAX), AnnouncementError::Bounds(..)));
    assert!(matches!(wrong(&|a| a.requester.addrs = vec!["nowhere".into()]), AnnouncementError::Addr(_)));
}

#[test]
fn large_and_private_jobs_are_announced_without_their_spec() {
    let small = job(peer(1), "brief");
    assert!(matches!(Announced::to_others(small.clone()), Announced::Full(_)));
    let mut large = small.clone();
    large.shards = vec![large.shards[0].clone(); 1000];
    assert!(large.to_dag_cbor().len() > MAX_FULL_BYTES);
    let mut private = small;
    private.request.request.spec.private = true;
    private.id = JobId::of(&private.request, &peer(1));
    for job in [large, private.clone()] {
        let announced = Announcement { job: Announced::to_others(job.clone()), versions: versions() };
        let Announced::Brief(brief) = &announced.job else { panic!("{announced:?}") };
        assert_eq!((brief.id, brief.shards as usize, brief.is_private()), (job.id, job.shards.len(), job == private));
        let bytes = announced.encode().unwrap();
        assert!(bytes.len() < 1024, "{}", bytes.len());
        assert_eq!(Announcement::decode(&bytes), Ok(announced.clone()));
        assert_eq!(announced.check(&peer(1)), Ok(()));
        let wrong = |change: &dyn Fn(&mut JobBrief)| {
            let mut brief = brief.as_ref().clone();
            change(&mut brief);
            Announcement { job: Announced::Brief(brief.into()), ..announced.clone() }.check(&peer(1)).unwrap_err()
        };
        assert!(matches!(wrong(&|brief| brief.size = u64::MAX), AnnouncementError::Bounds(..)));
        assert!(matches!(wrong(&|brief| brief.shards = 0), AnnouncementError::Bounds(0, "shards")));
        assert!(matches!(wrong(&|brief| brief.requester.peer = peer(2)), AnnouncementError::Requester(_)));
    }
    // That the id of a private job is its own can be seen without the spec.
    let Announced::Brief(brief) = Announced::to_others(private.clone()) else { panic!("it is private") };
    let other = JobBrief { id: "a".repeat(32).parse().unwrap(), ..brief.as_ref().clone() };
    let other = Announcement { job: Announced::Brief(other.into()), versions: versions() };
    assert_eq!(other.check(&peer(1)), Err(AnnouncementError::Id));
    // Earlier versions announce private jobs in full, which is nobody's fault.
    let full = Announcement { job: private.into(), versions: versions() };
    assert!(full.check(&peer(1)).unwrap_err().is_innocent());
}

/// Messages of many kinds.
fn messages() -> impl Strategy<Value = Message> {
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
        ("[a-z-]{0,20}", prop::option::of((any::<u32>(), prop::option::of(any::<u64>())))).prop_map(
            move |(reason, later)| {
                let later = later.map(|(ahead, in_ms)| Later { ahead, in_ms });
                Message::Decline(Decline { job, reason, later })
            }
        ),
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
