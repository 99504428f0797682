//! What is sealed is read by its requester and by nobody else, as it was or not at all.

use libp2p_identity::{PublicKey, ed25519};
use proptest::prelude::*;

use super::*;
use bacalhau_testkit::jobs::{ballot, key};

fn sealed_to(requester: &Keypair) -> Vec<u8> {
    AgeSeal::new(&key(1)).unwrap().seal(&ballot(requester.public().to_peer_id())).unwrap()
}

/// A name made of 32 bytes that need not be a key of anybody's.
fn peer_of(point: [u8; 32]) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(&point).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}

#[test]
fn the_requester_reads_what_was_sealed_to_it() {
    let requester = key(2);
    let sealed = sealed_to(&requester);
    assert!(sealed.len() < 1000, "{} bytes", sealed.len());
    assert_eq!(AgeSeal::new(&requester).unwrap().open(&sealed), Ok(ballot(requester.public().to_peer_id())));
    assert_ne!(sealed, sealed_to(&requester), "the same ballot twice must not be seen to be the same");
}

#[test]
fn nobody_else_reads_it() {
    let sealed = sealed_to(&key(2));
    for other in [key(1), key(3)] {
        assert!(matches!(AgeSeal::new(&other).unwrap().open(&sealed), Err(SealError::Sealed(_))));
    }
}

#[test]
fn no_bit_of_it_can_be_turned_and_no_byte_cut_off() {
    let requester = AgeSeal::new(&key(2)).unwrap();
    let sealed = sealed_to(&key(2));
    for at in 0..sealed.len() {
        let mut bent = sealed.clone();
        bent[at] ^= 1 << (at % 8);
        assert!(requester.open(&bent).is_err(), "byte {at}");
        assert!(requester.open(&sealed[..at]).is_err(), "{at} bytes");
    }
    assert!(matches!(requester.open(&[&sealed[..], b"x"].concat()), Err(SealError::Sealed(_))));
}

#[test]
fn too_much_is_refused_unread() {
    let requester = AgeSeal::new(&key(2)).unwrap();
    assert_eq!(requester.open(&vec![b'a'; MAX_SEALED_BYTES + 1]), Err(SealError::TooLarge(MAX_SEALED_BYTES + 1)));
    let large = Ballot { h1: "x".repeat(MAX_SEALED_BYTES - 200), ..ballot(key(2).public().to_peer_id()) };
    assert!(matches!(requester.seal(&large), Err(SealError::TooLarge(_))));
}

#[test]
fn what_is_under_the_seal_must_be_a_ballot() {
    let to = recipient(&key(2).public().to_peer_id()).unwrap();
    let foreign = age::encrypt(&to, b"hello").unwrap();
    assert!(matches!(AgeSeal::new(&key(2)).unwrap().open(&foreign), Err(SealError::Ballot(_))));
}

#[test]
fn points_that_hide_nothing_are_no_keys() {
    // Of small order: the neutral element, the point of order 2, one of order 4 and one of order 8.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut second = [0xff; 32];
    (second[0], second[31]) = (0xec, 0x7f);
    let eighth =
        bacalhau_values::hex::decode("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05").unwrap();
    let mut refused = 0;
    for point in [neutral, second, [0; 32], eighth.clone().try_into().unwrap()] {
        if let Some(peer) = peer_of(point) {
            assert!(matches!(recipient(&peer), Err(SealError::Key(named)) if named == peer));
            refused += 1;
        }
    }
    assert!(refused > 0);
    // An honest key with a point of small order added to it: of neither order.
    let honest = ed25519_of(&key(2).public().to_peer_id()).unwrap().to_bytes();
    let torsion = CompressedEdwardsY(eighth.try_into().unwrap()).decompress().unwrap();
    let mixed = CompressedEdwardsY(honest).decompress().unwrap() + torsion;
    let peer = peer_of(mixed.compress().to_bytes()).unwrap();
    assert!(matches!(recipient(&peer), Err(SealError::Key(_))));
}

#[test]
fn names_without_their_key_have_no_recipient() {
    let hashed: PeerId = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N".parse().unwrap();
    assert!(matches!(recipient(&hashed), Err(SealError::Key(peer)) if peer == hashed));
}

/// Made with libsodium (the keys) and rage (the file).
#[test]
fn others_derive_the_same_keys() {
    let vector: serde_json::Value = serde_json::from_str(include_str!("../testdata/age_peer.json")).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap();
    let bytes = |name: &str| bacalhau_values::hex::decode(text(name)).unwrap();
    let key = Keypair::ed25519_from_bytes(bytes("seed")).unwrap();
    let peer = key.public().to_peer_id();
    assert_eq!(peer.to_string(), text("peer_id"));
    assert_eq!(ed25519_of(&peer).unwrap().to_bytes()[..], bytes("ed25519_public"));
    assert_eq!(recipient(&peer).unwrap().to_string(), text("age_recipient"));
    let seal = AgeSeal::new(&key).unwrap();
    assert_eq!(age::decrypt(&seal.identity, &bytes("sample_ciphertext_hex")).unwrap(), b"hello");
    let shown = format!("{seal:?}");
    assert!(shown.contains(text("peer_id")) && !shown.to_uppercase().contains(&text("age_identity")[..20]));
}

#[test]
fn salts_are_not_guessed() {
    let seal = AgeSeal::new(&key(1)).unwrap();
    let (one, other) = (seal.salt().unwrap(), seal.salt().unwrap());
    assert_ne!(one, other);
    assert_eq!(bacalhau_values::hex::decode(&one).unwrap().len(), SALT_BYTES);
}

proptest! {
    #[test]
    fn no_bytes_are_opened_by_accident(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(AgeSeal::new(&key(2)).unwrap().open(&bytes).is_err());
    }
}
