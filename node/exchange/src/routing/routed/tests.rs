//! A fake router, fake gateways and a fake network of peers, all of this process.

use std::collections::BTreeSet;

use super::*;
use crate::{Answered, Dialing, FoundProvider};
use bacalhau_cas::{Block, Code, canonical};
use bacalhau_testkit::server::{TestServer, respond};

const ID: &str = "12D3KooWM8sovaEGU1bmiWGWAzvs47DEcXKZZTuJnpQyVTkRs2Vn";

fn block(text: &'static str) -> Block {
    Block::of(Code::Raw, text)
}

/// A gateway that has these.
fn gateway(blocks: &[&'static str]) -> TestServer {
    let blocks: Vec<Block> = blocks.iter().map(|text| block(text)).collect();
    TestServer::start(move |asked, stream| {
        match blocks.iter().find(|block| asked.target.contains(&canonical(block.cid()).to_string())) {
            Some(block) => respond(stream, "200 OK", &[], block.bytes()),
            None => respond(stream, "404 Not Found", &[], b""),
        }
    })
}

/// A router that names `records` for every CID.
fn router(records: &[String]) -> TestServer {
    let body = records.iter().map(|record| format!("{record}\n")).collect::<String>();
    TestServer::start(move |_, stream| {
        respond(stream, "200 OK", &["Content-Type: application/x-ndjson"], body.as_bytes())
    })
}

fn record(id: &str, addr: &str, protocol: &str) -> String {
    format!(r#"{{"Schema":"peer","ID":"{id}","Addrs":["{addr}"],"Protocols":["{protocol}"]}}"#)
}

fn at_gateway(server: &TestServer) -> String {
    record(ID, server.url("/").as_str(), super::super::GATEWAY)
}

fn routing(routers: &[&TestServer], private: bool) -> Routing {
    let routers = routers.iter().map(|server| RouterAddress::Url(server.url("/"))).collect();
    Routing { routers, default: false, private, patience: Duration::from_secs(2) }
}

fn get(routed: &Routed, cid: &Cid) -> Result<Bytes, String> {
    let (sender, receiver) = mpsc::channel();
    let answers: Answers = Arc::new(move |_, result| sender.send(result).unwrap());
    routed.want(&[*cid], &answers);
    receiver.recv().unwrap().map_err(|error| error.to_string())
}

/// Peers that have `blocks`, once one of them was dialed.
#[derive(Debug)]
struct Peers {
    blocks: Vec<Block>,
    dialed: Arc<Mutex<BTreeSet<String>>>,
}

impl BlockProvider for Peers {
    fn name(&self) -> String {
        "bitswap".into()
    }

    fn want(&self, cids: &[Cid], answers: &Answers) {
        for cid in cids {
            let found = self.blocks.iter().find(|block| block.cid() == cid && !lock(&self.dialed).is_empty());
            answers(
                *cid,
                found
                    .map(|block| block.bytes().clone())
                    .ok_or_else(|| DataError::missing(cid, "bitswap: no peer has it")),
            );
        }
    }

    fn cancel(&self, _cids: &[Cid]) {}
}

fn peers(blocks: &[&'static str]) -> (PeerNetwork, Arc<Mutex<BTreeSet<String>>>) {
    let dialed: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let log = Arc::clone(&dialed);
    let blocks =
        Arc::new(Peers { blocks: blocks.iter().map(|text| block(text)).collect(), dialed: Arc::clone(&dialed) });
    let dial = move |addr: &Multiaddr| -> Dialing {
        lock(&log).insert(addr.to_string());
        Box::new(|| Ok(()))
    };
    (PeerNetwork { blocks, dial: Arc::new(dial) }, dialed)
}

#[test]
fn a_block_comes_from_the_gateway_that_a_router_names_and_the_next_one_without_the_router() {
    let gateway = gateway(&["a", "b"]);
    let router = router(&[at_gateway(&gateway)]);
    let routed = Routed::new(routing(&[&router], true), None);
    assert_eq!(get(&routed, block("a").cid()).unwrap(), "a");
    assert_eq!(get(&routed, block("b").cid()).unwrap(), "b");
    assert_eq!(router.asked().len(), 1, "blocks of one DAG lie together");
    let why = get(&routed, block("c").cid()).unwrap_err();
    assert_eq!(router.asked().len(), 2, "what these have not is looked for elsewhere");
    assert!(why.contains("it names 1 provider, 1 of which can be asked") && why.contains("404 Not Found"), "{why}");
    assert_eq!(routed.name(), format!("router {}", router.url("/").as_str().trim_end_matches('/')));
}

#[test]
fn all_who_are_named_are_raced_and_one_that_lies_is_passed_over() {
    let lying = TestServer::start(|_, stream| respond(stream, "200 OK", &[], b"something else"));
    let honest = gateway(&["a"]);
    let router = router(&[at_gateway(&lying), at_gateway(&honest)]);
    let routed = Routed::new(routing(&[&router], true), None);
    assert_eq!(get(&routed, block("a").cid()).unwrap(), "a");
}

#[test]
fn peers_of_bitswap_are_dialed_and_asked() {
    let router = router(&[record(ID, "/ip4/8.8.8.8/tcp/4001", super::super::BITSWAP)]);
    let (network, dialed) = peers(&["a"]);
    let routed = Routed::new(routing(&[&router], false), Some(network));
    assert_eq!(get(&routed, block("a").cid()).unwrap(), "a");
    assert_eq!(Vec::from_iter(lock(&dialed).clone()), [format!("/ip4/8.8.8.8/tcp/4001/p2p/{ID}")]);
    let why = get(&routed, block("b").cid()).unwrap_err();
    assert!(why.contains("bitswap: no peer has it"), "{why}");
}

#[test]
fn a_router_cannot_steer_the_node_to_addresses_of_its_own_network() {
    let inside = gateway(&["a"]);
    let by_name = inside.url("/").as_str().replace("127.0.0.1", "localhost.localdomain");
    let router = router(&[
        at_gateway(&inside),
        record(ID, &by_name, super::super::GATEWAY),
        record(ID, "/ip4/127.0.0.1/tcp/5001", super::super::BITSWAP),
        record(ID, "/ip4/169.254.169.254/tcp/80/http", super::super::GATEWAY),
        record(ID, "/dns4/localhost/tcp/5001", super::super::BITSWAP),
    ]);
    let (network, dialed) = peers(&["a"]);
    let routed = Routed::new(routing(&[&router], false), Some(network));
    let why = get(&routed, block("a").cid()).unwrap_err();
    assert!(why.contains("127.0.0.1 is not a public address (--ipfs-router-private contacts it)"), "{why}");
    assert_eq!((inside.connections(), lock(&dialed).len()), (0, 0));
}

#[test]
fn all_of_a_dag_is_fetched_as_an_archive_where_a_gateway_is_named() {
    let gateway = gateway(&["a"]);
    let router = router(&[at_gateway(&gateway)]);
    let routed = Routed::new(routing(&[&router], true), None);
    let mut fetched = Vec::new();
    routed.fetch_dag(block("a").cid(), &mut |block| {
        fetched.push(*block.cid());
        Ok(())
    });
    assert_eq!(fetched, [*block("a").cid()]);
    assert!(gateway.asked().iter().any(|asked| asked.target.contains("format=car")));
}

#[test]
fn who_has_a_cid_is_told_with_protocols_and_whether_they_answer() {
    let (has, lacks) = (gateway(&["a"]), gateway(&[]));
    let graphsync = r#"{"Schema":"graphsync-filecoinv1","ID":"g","Addrs":["/ip4/8.8.8.8/tcp/1"]}"#.to_owned();
    let lacking = record("h", lacks.url("/").as_str(), super::super::GATEWAY);
    let peer = record(ID, "/ip4/8.8.8.8/tcp/4001", super::super::BITSWAP);
    let (one, two) = (router(&[at_gateway(&has), graphsync]), router(&[at_gateway(&has), lacking]));
    let three = router(&[peer.replace(ID, "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA")]);
    let (network, _dialed) = peers(&[]);
    let routed = Routed::new(routing(&[&one, &two, &three], true), Some(network));
    let findings = routed.find(block("a").cid());
    assert_eq!(findings.routers.len(), 3);
    let of = |id: &str| -> FoundProvider { findings.providers.iter().find(|found| found.id == id).unwrap().clone() };
    assert_eq!(findings.providers.len(), 4);
    assert_eq!((of(ID).answered, of(ID).routers.len()), (Answered::Block, 2));
    assert_eq!(of("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA").answered, Answered::Connected);
    assert!(matches!(of("h").answered, Answered::No(why) if why.contains("404")));
    assert!(matches!(of("g").answered, Answered::NotAsked(why) if why.contains("graphsync-filecoinv1 is not spoken")));
    assert_eq!(of("g").protocols, ["transport-graphsync-filecoinv1"]);
}
