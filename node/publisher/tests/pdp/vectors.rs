//! Digests, signatures and encodings of other programs. `typed_data.json` was made by viem 2.57.20, `synapse.json` by
//! `signAddPieces` of `@filoz/synapse-core` 0.5.2.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use bacalhau_publisher::pdp::{Domain, EthAddress, PayerKey, Uint256, extra_data, upload_auth};
use bacalhau_tree::Link;
use bacalhau_values::hex::{self, Hex};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    key: String,
    address: EthAddress,
    chain_id: u64,
    contract: EthAddress,
    client_data_set: Uint256,
    nonce: Uint256,
    /// Bytes of a CID, or what stands for them.
    piece: String,
    hash: String,
    signature: String,
    extra_data: String,
    upload_hash: String,
    upload_signature: String,
}

#[derive(Deserialize)]
struct Synapse {
    key: String,
    chain_id: u64,
    contract: EthAddress,
    client_data_set: Uint256,
    nonce: Uint256,
    piece_cid: String,
    extra_data: String,
}

fn shown(bytes: &[u8]) -> String {
    format!("0x{}", Hex(bytes))
}

#[test]
fn digests_and_signatures_are_those_of_viem() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("typed_data.json")).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let key = PayerKey::from_hex(&vector.key).unwrap();
        assert_eq!(key.address(), vector.address);
        let domain = Domain { chain_id: vector.chain_id, contract: vector.contract };
        let piece = hex::decode(vector.piece.strip_prefix("0x").unwrap()).unwrap();
        let digest = domain.add_piece(&vector.client_data_set, &vector.nonce, &piece);
        assert_eq!(shown(&digest), vector.hash);
        let signature = key.sign(&digest).unwrap();
        assert_eq!(shown(&signature), vector.signature);
        assert_eq!(shown(&extra_data(&vector.nonce, &signature)), vector.extra_data);
        assert_eq!(shown(&domain.upload(42, &vector.nonce, 1_790_000_000)), vector.upload_hash);
        let header = upload_auth(&key, &domain, 42, &vector.nonce, 1_790_000_000).unwrap();
        assert_eq!(header, format!("42.{}.1790000000.{}", vector.nonce, vector.upload_signature));
    }
}

#[test]
fn a_piece_is_signed_for_as_by_synapse() {
    let vector: Synapse = serde_json::from_str(include_str!("synapse.json")).unwrap();
    let key = PayerKey::from_hex(&vector.key).unwrap();
    let piece: Link = vector.piece_cid.parse().unwrap();
    let domain = Domain { chain_id: vector.chain_id, contract: vector.contract };
    let digest = domain.add_piece(&vector.client_data_set, &vector.nonce, &piece.cid().to_bytes());
    let encoded = extra_data(&vector.nonce, &key.sign(&digest).unwrap());
    assert_eq!(shown(&encoded), vector.extra_data);
}

#[test]
fn keys_of_others_and_files_without_a_key_are_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let write = |text: &str, mode| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        PayerKey::from_file(&path).map(|key| key.address().to_string()).map_err(|error| error.to_string())
    };
    let key = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";
    let address = Ok("0x2c7536E3605D9C16a7a3D7b1898e529396a65c23".to_owned());
    assert_eq!(write(key, 0o600), address);
    assert_eq!(write(&format!("0x{key}\n"), 0o400), address);
    assert!(write(key, 0o640).unwrap_err().contains("other users may read the key in it (mode 640): chmod 600"));
    let beyond = "f".repeat(64);
    for text in ["0x12", &"0".repeat(64), &beyond, &format!("{key}00"), &key.replace('4', "g")] {
        let error = write(text, 0o600).unwrap_err();
        assert!(error.contains("not a secp256k1 key") && !error.contains(text), "{error}");
    }
    assert!(!format!("{:?}", PayerKey::from_hex(key).unwrap()).contains(&key[..8]));
    fs::remove_file(&path).unwrap();
    assert!(PayerKey::from_file(&path).unwrap_err().to_string().contains("read the key in"));
}
