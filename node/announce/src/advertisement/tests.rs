//! Against advertisements of another implementation: the fixtures of the JavaScript library `@web3-storage/ipni` 3.0.0 (MIT), whose
//! parity with elastic-ipfs is tested there.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde_json::Value;

use super::*;

const FIRST: &str = include_str!("fixtures/first.json");
const SECOND: &str = include_str!("fixtures/second.json");

fn blob(value: &Value) -> Vec<u8> {
    let text = value["/"]["bytes"].as_str().unwrap().trim_end_matches('=');
    BASE64_STANDARD_NO_PAD.decode(text).unwrap()
}

fn link(value: &Value) -> Option<Cid> {
    value["/"].as_str().map(|text| text.parse().unwrap())
}

/// The advertisement of a fixture, and its signature.
fn fixture(text: &str) -> (Advertisement, SignedEnvelope) {
    let value: Value = serde_json::from_str(text).unwrap();
    let addresses =
        value["Addresses"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    let ad = Advertisement {
        previous: link(&value["PreviousID"]),
        provider: value["Provider"].as_str().unwrap().into(),
        addresses,
        entries: link(&value["Entries"]).unwrap(),
        context: blob(&value["ContextID"]),
        metadata: blob(&value["Metadata"]),
        is_removal: value["IsRm"].as_bool().unwrap(),
    };
    (ad, SignedEnvelope::from_protobuf_encoding(&blob(&value["Signature"])).unwrap())
}

#[test]
fn what_others_sign_is_what_we_would_sign() {
    for (text, has_previous) in [(FIRST, false), (SECOND, true)] {
        let (ad, envelope) = fixture(text);
        assert_eq!((ad.previous.is_some(), ad.metadata.as_slice()), (has_previous, BITSWAP));
        let (payload, _) = envelope.payload_and_signing_key(DOMAIN.into(), CODEC).unwrap();
        assert_eq!(payload, ad.signed());
    }
}

#[test]
fn what_we_sign_is_by_the_provider_and_of_every_field() {
    let key = Keypair::ed25519_from_bytes([7; 32]).unwrap();
    let (mut ad, _) = fixture(SECOND);
    ad.provider = key.public().to_peer_id().to_string();
    let (cid, bytes) = ad.sign(&key).unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    let names = ["Addresses", "ContextID", "Entries", "IsRm", "Metadata", "PreviousID", "Provider", "Signature"];
    let places = names.map(|name| text.find(&format!("\"{name}\":")).unwrap());
    assert!(places.is_sorted(), "DAG-JSON sorts the names: {text}");
    let (read, envelope) = fixture(text);
    let (payload, signer) = envelope.payload_and_signing_key(DOMAIN.into(), CODEC).unwrap();
    assert_eq!((payload, signer.to_peer_id().to_string()), (read.signed().as_slice(), ad.provider.clone()));
    assert_eq!(cid.codec(), dag_json::DAG_JSON);
    let others = [
        Advertisement { previous: None, ..ad.clone() },
        Advertisement { provider: "x".into(), ..ad.clone() },
        Advertisement { addresses: vec![], ..ad.clone() },
        Advertisement { entries: NO_ENTRIES.parse().unwrap(), ..ad.clone() },
        Advertisement { metadata: vec![], ..ad.clone() },
        Advertisement { is_removal: true, ..ad.clone() },
    ];
    assert!(others.iter().all(|other| other.signed() != ad.signed()));
}
