//! The share of nodes that an announcement asks.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use bacalhau_protocol::{ALL_NODES, Announcement, Decline};
use libp2p_identity::PeerId;

use bacalhau_testkit::jobs::{announcement, key, versions};

#[test]
fn a_share_of_all_nodes_is_asked_and_a_larger_one_contains_it() {
    let me = key(1).public().to_peer_id();
    let job = announcement(me, "asked").job.id();
    let peers: Vec<PeerId> = (0..640).map(|_| PeerId::random()).collect();
    let asked = |share| peers.iter().filter(|peer| versions().asking(share).asks(peer, &job)).collect::<Vec<_>>();
    let (few, some) = (asked(1), asked(8));
    assert!(few.len() < 40 && (40..130).contains(&some.len()), "{} {}", few.len(), some.len());
    assert!(few.iter().all(|peer| some.contains(peer)));
    assert_eq!(asked(ALL_NODES).len(), peers.len());
    assert!(!versions().asks(&me, &job), "a requester that does not ask");
}

#[test]
fn an_announcement_that_asks_is_one_for_every_version() {
    let me = key(1).public().to_peer_id();
    let plain = announcement(me, "asked");
    let asking = Announcement { versions: plain.versions.asking(ALL_NODES), ..plain };
    // What nodes have always checked: a version is a text of at most 64 bytes.
    assert_eq!(asking.versions.semver, "0.1.0+declines.64");
    assert_eq!(asking.check(&me), Ok(()));
}

#[test]
fn a_requester_that_takes_estimates_is_read_by_every_version_and_may_ask_for_reasons() {
    let (me, job) = (key(1).public().to_peer_id(), "a".repeat(32).parse().unwrap());
    let patient = versions().taking_later();
    assert_eq!(patient.semver, "0.1.0-later");
    assert!(patient.takes_later() && !versions().takes_later() && !versions().asking(8).takes_later());
    let asking = patient.asking(ALL_NODES);
    assert!(asking.takes_later() && asking.asks(&me, &job) && !patient.asks(&me, &job));
    // Earlier versions look for this only.
    assert!(asking.semver.ends_with("+declines.64"));
}

#[test]
fn a_decline_without_an_estimate_has_the_bytes_of_earlier_versions() {
    let decline = Decline { job: "a".repeat(32).parse().unwrap(), reason: "full".into(), later: None };
    let encoded = serde_json::to_string(&decline).unwrap();
    assert_eq!(encoded, format!(r#"{{"job":"{}","reason":"full"}}"#, "a".repeat(32)));
}
