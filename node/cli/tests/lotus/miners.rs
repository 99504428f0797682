//! Whether a node belongs to a storage provider, as the chain has it.

use bacalhau_job::{MinerClaim, OperatorProof};
use bacalhau_publisher::filecoin::Miners;
use libp2p::PeerId;
use libp2p::identity::Keypair;
use sha2::{Digest, Sha256};

use crate::support::client;
use bacalhau_testkit::{
    lotus::chain::{PROVIDER_ID, WALLET_ID},
    lotus::fake::{FakeLotus, Fault, READ_TOKEN},
};

fn peer(number: u8) -> PeerId {
    Keypair::ed25519_from_bytes([number; 32]).unwrap().public().to_peer_id()
}

fn scene() -> (FakeLotus, Miners) {
    let fake = FakeLotus::start();
    fake.chain().peer = peer(1).to_base58();
    let miners = Miners::new(client(&fake, Some(READ_TOKEN)));
    (fake, miners)
}

fn claim(miner: u64, signature: Option<String>) -> MinerClaim {
    MinerClaim { miner, signature }
}

/// What `lotus wallet sign` prints: the kind of the key, and the signature.
fn signed(message: &[u8]) -> String {
    let signature = Sha256::digest(message).into_iter().cycle().take(65);
    std::iter::once(1_u8).chain(signature).map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_peer_id_that_the_chain_names_is_a_proof_and_is_asked_for_once() {
    let (fake, miners) = scene();
    for _ in 0..3 {
        assert_eq!(miners.prove(&peer(1), &claim(PROVIDER_ID, None)), Ok(OperatorProof::MinerPeer));
    }
    assert_eq!(fake.called(), ["Filecoin.StateMinerInfo"], "what the chain says is remembered");
}

#[test]
fn a_node_that_claims_to_belong_to_another_provider_is_refused() {
    let (_fake, miners) = scene();
    let why = miners.prove(&peer(2), &claim(PROVIDER_ID, None)).unwrap_err().to_string();
    assert!(why.contains(&format!("the chain has the peer id {}", peer(1))), "{why}");
    let why = miners.prove(&peer(1), &claim(WALLET_ID, None)).unwrap_err().to_string();
    assert!(why.contains("failed to load miner actor"), "{why}");
    let why = miners.prove(&peer(1), &claim(999_999, None)).unwrap_err().to_string();
    assert!(why.contains("actor not found"), "{why}");
}

#[test]
fn the_worker_key_signs_for_one_peer_id_and_one_provider() {
    let (_fake, miners) = scene();
    let unsigned = claim(PROVIDER_ID, None);
    let good = claim(PROVIDER_ID, Some(signed(&unsigned.message(&peer(2)))));
    assert_eq!(miners.prove(&peer(2), &good), Ok(OperatorProof::MinerWorker));
    let why = miners.prove(&peer(3), &good).unwrap_err().to_string();
    assert!(why.contains("is not by the worker key of f01000"), "a copied signature: {why}");
    let other = claim(PROVIDER_ID + 1, None);
    let why =
        miners.prove(&peer(2), &claim(PROVIDER_ID, Some(signed(&other.message(&peer(2)))))).unwrap_err().to_string();
    assert!(why.contains("is not by the worker key"), "{why}");
    for bad in ["", "zz", "0"] {
        let why = miners.prove(&peer(2), &claim(PROVIDER_ID, Some(bad.into()))).unwrap_err().to_string();
        assert!(why.contains("its signature is not"), "{bad:?}: {why}");
    }
}

#[test]
fn a_chain_that_does_not_answer_proves_nothing_and_is_not_asked_at_once_again() {
    let (fake, miners) = scene();
    fake.fail([Some(Fault::HangUp)]);
    let why = miners.prove(&peer(1), &claim(PROVIDER_ID, None)).unwrap_err();
    let asked = fake.called().len();
    assert_eq!(miners.prove(&peer(1), &claim(PROVIDER_ID, None)), Err(why));
    assert_eq!(fake.called().len(), asked);
}
