//! Providers that routers name: a fake router of this process names a gateway and a peer of Bitswap, which are real ones on loopback.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use bacalhau_testkit::{
    Lab, pattern,
    server::{TestServer, respond},
};

use crate::gateway::Gateway;

/// A router that names one provider for every CID.
fn router(id: &str, addr: &str, protocol: &str) -> TestServer {
    let record = format!(r#"{{"Schema":"peer","ID":"{id}","Addrs":["{addr}"],"Protocols":["{protocol}"]}}"#);
    let body = format!(r#"{{"Providers":[{record}]}}"#);
    TestServer::start(move |_, stream| respond(stream, "200 OK", &["Content-Type: application/json"], body.as_bytes()))
}

const ID: &str = "12D3KooWM8sovaEGU1bmiWGWAzvs47DEcXKZZTuJnpQyVTkRs2Vn";

#[test]
fn data_is_found_by_routers() {
    let (lab, cid) = Lab::with_tree();
    let gateway = Gateway::start(&lab.path("tree.car"));
    let serving = lab.serve("maker", "");
    let (addr, id) = serving.peer.split_once("/p2p/").unwrap();
    let by_gateway = router(ID, &gateway.url(""), "transport-ipfs-gateway-http");
    let by_bitswap = router(id, addr, "transport-bitswap");
    for (name, router) in [("gateway", &by_gateway), ("bitswap", &by_bitswap)] {
        let from = format!("--ipfs-router {} --ipfs-router-private --data-dir {name}", router.url("/"));
        lab.expect(0, &format!("ipfs get {cid} -o {name}-out {from}"));
        assert!(std::fs::read(lab.path(&format!("{name}-out/sub/big.bin"))).unwrap() == pattern(600_000, 1), "{name}");
        assert!(router.asked().len() <= 2, "{name}: {:?}", router.asked());
        let found = lab.expect_json(0, &format!("ipfs find {cid} --output json {from}"));
        let answered = if name == "gateway" { "block" } else { "connected" };
        assert_eq!(found["providers"][0]["answered"], answered, "{found}");
        assert_eq!(found["providers"][0]["protocols"].as_array().unwrap().len(), 1, "{found}");
    }
    let line = format!("wasm run cat.wat -c 1 -i {cid}/a.txt:/in --stdin /in --output-dir out");
    lab.expect(0, &format!("{line} --ipfs-router {} --ipfs-router-private --data-dir run", by_gateway.url("/")));
    assert_eq!(lab.read("out/results/stdout"), "a\n");
}

#[test]
fn what_is_not_found_says_who_was_asked_and_what_to_do() {
    let (lab, cid) = Lab::with_tree();
    let gateway = Gateway::start(&lab.path("tree.car"));
    let router = router(ID, &gateway.url(""), "transport-ipfs-gateway-http");
    let empty = TestServer::start(|_, stream| respond(stream, "404 Not Found", &[], b""));
    let line = format!("ipfs get {cid} -o out --ipfs-router {},{}", router.url("/"), empty.url("/"));
    let said = lab.expect(4, &line).stderr;
    let [one, two] = [&router, &empty].map(|server| server.url("/").as_str().trim_end_matches('/').to_owned());
    for words in [
        format!("router {one}: it names 1 provider, 0 of which can be asked: 127.0.0.1 is not a public address"),
        format!("router {two}: it knows no provider"),
        "To ask others, name a router with --ipfs-router, or a peer, a gateway or a kubo with --ipfs-connect".into(),
    ] {
        assert!(said.contains(&words), "{words}: {said}");
    }
    assert!(gateway.asked().is_empty(), "a router steers the node to no address of its own network");
    let end = lab.expect(4, &format!("ipfs find {cid} --ipfs-router {}", router.url("/")));
    assert!(end.stdout.starts_with("ANSWERED   PROVIDER") && end.stdout.contains(ID), "{}", end.stdout);
    assert!(end.stderr.contains("error: no provider answers for"), "{}", end.stderr);
    lab.expect(2, &format!("ipfs find {cid}"));
    lab.expect(2, &format!("ipfs find {cid} --ipfs-router nowhere"));
}

#[test]
fn dead_default_routers_cost_two_seconds() {
    let (lab, cid) = Lab::with_tree();
    // A proxy that never accepts stands for an indexer that is gone.
    let black_hole = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", black_hole.local_addr().unwrap());
    let mut command = lab.command(&format!("ipfs get {cid} -o out"));
    let begun = Instant::now();
    let end = command
        .env_remove("BACALHAU_IPFS_CONNECT")
        .env("ALL_PROXY", &proxy)
        .env("HTTPS_PROXY", &proxy)
        .output()
        .unwrap();
    let (took, said) = (begun.elapsed(), String::from_utf8(end.stderr).unwrap());
    assert_eq!(end.status.code(), Some(4), "{said}");
    assert!(said.contains("router https://cid.contact: it did not answer within 2 s"), "{said}");
    assert!(took < Duration::from_secs(4), "{took:?} with the start of the command");
}
