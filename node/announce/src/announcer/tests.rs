//! An indexer of this process: it is told, fetches the chain as the specification has it, and checks every hash and signature.

use std::io::Read as _;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use libp2p_core::SignedEnvelope;
use libp2p_identity::PublicKey;
use serde_json::Value;

use super::*;
use bacalhau_cas::{Block, Code, check, store::Options};
use bacalhau_http::{Client, Reach, Terms};
use bacalhau_testkit::server::{TestServer, respond};

fn client() -> Client {
    let patience = Duration::from_secs(5);
    Client::new(Terms { reach: Reach::Named, patience, total: Some(patience), idle_connections: 1 })
}

/// Path, status, headers and body.
fn get(server: SocketAddr, path: &str) -> (u16, String, Vec<u8>) {
    let answer = client().get(&format!("http://{server}{path}").parse().unwrap(), &[]).unwrap();
    let (status, cache) = (answer.status().as_u16(), answer.header("cache-control").unwrap().to_owned());
    assert_eq!(answer.header("content-type"), Some("application/vnd.ipld.dag-json"));
    let mut body = Vec::new();
    answer.into_body().read_to_end(&mut body).unwrap();
    (status, cache, body)
}

/// A block that is what its CID says.
fn block(server: SocketAddr, cid: &str) -> Value {
    let (_, cache, body) = get(server, &format!("/ipni/v1/ad/{cid}"));
    assert!(cache.contains("immutable"));
    let cid: Cid = cid.parse().unwrap();
    check(&Cid::new_v1(0x55, *cid.hash()), &body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn blob(value: &Value) -> Vec<u8> {
    BASE64_STANDARD_NO_PAD.decode(value["/"]["bytes"].as_str().unwrap()).unwrap()
}

#[test]
fn an_indexer_is_told_and_finds_a_chain_that_is_signed_throughout() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store"), Options::default()).unwrap();
    let (one, two) = (Block::of(Code::Raw, "one"), Block::of(Code::Raw, "two"));
    store.put(&[one.clone(), two.clone()]).unwrap();
    store.pin(one.cid(), "").unwrap();
    store.pin(two.cid(), "job:x").unwrap();
    let (sender, told) = mpsc::channel();
    let sender = Mutex::new(sender);
    let indexer = TestServer::start(move |asked, stream| {
        let message = (asked.method.clone(), asked.target.clone(), asked.body.clone());
        sender.lock().unwrap().send(message).unwrap();
        respond(stream, "204 No Content", &[], b"")
    });
    let key = Keypair::ed25519_from_bytes([7; 32]).unwrap();
    let announcing = Announcing {
        listen: "127.0.0.1:0".parse().unwrap(),
        url: Some("https://node.example".parse().unwrap()),
        addresses: vec!["/ip4/8.8.8.8/tcp/1235".parse().unwrap()],
        indexers: vec![indexer.url("/ingest/announce")],
        dir: dir.path().join("announced"),
    };
    let announcer = Announcer::start(announcing, Arc::clone(&store), &key).unwrap();
    let server = announcer.local_addr();
    let (method, target, body) = told.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!((method.as_str(), target.as_str()), ("PUT", "/ingest/announce"));
    let message: Value = serde_json::from_slice(&body).unwrap();
    let addr = BASE64_STANDARD.decode(message["Addrs"][0].as_str().unwrap()).unwrap();
    let peer = key.public().to_peer_id();
    let addr = Multiaddr::try_from(addr).unwrap().to_string();
    assert_eq!(addr, format!("/dns/node.example/tcp/443/https/p2p/{peer}"));

    let (status, cache, body) = get(server, "/ipni/v1/ad/head");
    assert_eq!((status, cache.contains("no-cache")), (200, true));
    let head: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(head["head"], message["Cid"]);
    let cid = head["head"]["/"].as_str().unwrap();
    let signer = PublicKey::try_decode_protobuf(&blob(&head["pubkey"])).unwrap();
    let signed = [cid.parse::<Cid>().unwrap().to_bytes(), head["topic"].as_str().unwrap().into()].concat();
    assert!(signer.to_peer_id() == peer && signer.verify(&signed, &blob(&head["sig"])));

    let ad = block(server, cid);
    let envelope = SignedEnvelope::from_protobuf_encoding(&blob(&ad["Signature"])).unwrap();
    let (_, by) = envelope.payload_and_signing_key("indexer".into(), b"/indexer/ingest/adSignature").unwrap();
    assert_eq!((by.to_peer_id(), ad["Provider"].as_str()), (peer, Some(&*peer.to_string())));
    assert_eq!((ad["Addresses"][0].as_str(), blob(&ad["Metadata"])), (Some("/ip4/8.8.8.8/tcp/1235"), vec![0x80, 0x12]));
    assert_eq!((ad["PreviousID"].is_null(), blob(&ad["ContextID"])), (true, one.cid().to_bytes()));
    let entries = block(server, ad["Entries"]["/"].as_str().unwrap());
    let hashes: Vec<Vec<u8>> = entries["Entries"].as_array().unwrap().iter().map(blob).collect();
    assert_eq!(hashes, [one.cid().hash().to_bytes()], "what is pinned for a while only is not advertised");

    for (path, status) in
        [("/ipni/v1/ad/bafkqaaa", 404), ("/ipni/v1/ad/state.json", 400), ("/ipni/v1/ad/..%2Fstate.json", 400)]
    {
        let error = client().get(&format!("http://{server}{path}").parse().unwrap(), &[]).unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status), "{path}");
    }
}
