//! Peers of the network: floods, replays, equivocation, abuse of relays and of routing. Replayed and doubled proposals are in
//! `network::cheats`, messages under another's name in `network::tests::hostile`, floods of them in `network::flood`.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bacalhau_p2p::{Host, HostConfig};
use bacalhau_service::byzantine::raw;
use libp2p::kad::{self, Quorum, Record, RecordKey};
use libp2p::{Multiaddr, PeerId};

use crate::detour::detour;
use crate::memory_of::rss;
use crate::stranger::{Stranger, peer_of};
use bacalhau_testkit::{BOUND, Lab, Node, until};

const BITSWAP: &str = "/ipfs/bitswap/1.2.0";

fn host() -> Host {
    Host::start(&HostConfig::default()).unwrap()
}

/// A host that is connected to `node`.
fn connected(node: &Node) -> (Host, PeerId) {
    let host = host();
    let peer = host.connect(&node.peer.parse().unwrap()).unwrap();
    (host, peer)
}

/// Runs a job on `node`, which has to succeed.
fn job(lab: &Lab, node: &Node, output: &str) {
    let run = format!("wasm run hello.wat -c 1 --api-host {} --output json --output-dir {output}", node.api);
    assert_eq!(lab.expect_json(0, &run)["claim"]["outcome"]["exit"], 0);
}

/// A Bitswap message that wants `count` blocks that do not exist, different ones for each `seed`.
fn wantlist(seed: u32, count: u32) -> Vec<u8> {
    let mut list = Vec::new();
    for number in 0..count {
        let mut entry = vec![0x0a, 36, 1, 0x55, 0x12, 32];
        entry.extend(seed.to_be_bytes());
        entry.extend(number.to_be_bytes());
        entry.extend([7; 24]);
        list.extend([0x0a, u8::try_from(entry.len()).unwrap()]);
        list.append(&mut entry);
    }
    let mut message = vec![0x0a];
    varint(&mut message, list.len());
    message.append(&mut list);
    let mut framed = Vec::new();
    varint(&mut framed, message.len());
    framed.append(&mut message);
    framed
}

fn varint(to: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        to.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    to.push(u8::try_from(number).unwrap());
}

#[test]
fn one_address_cannot_take_all_connections() {
    let lab = Lab::new();
    let node = lab.serve("node", "--swarm-max-connections-per-address 8");
    let to: Multiaddr = node.peer.parse().unwrap();
    let strangers: Vec<Host> = (0..12).map(|_| host()).collect();
    let taken = strangers.iter().filter(|stranger| stranger.connect(&to).is_ok()).count();
    // Who dials learns of its connection before it is turned away, so what counts is what stays.
    until("those over the share are turned away", || peers(&lab, &node) == 8);
    assert!(taken >= 8);
    // From another address there is room.
    let other = host();
    other.connect(&detour([127, 0, 0, 9], &node.peer)).unwrap();
    until("another address is connected", || peers(&lab, &node) == 9);
    drop(strangers);
    until("what is closed is given back", || peers(&lab, &node) == 1);
    host().connect(&to).unwrap();
}

/// Peers that `node` is connected to.
fn peers(lab: &Lab, node: &Node) -> usize {
    let nodes = lab.expect_json(0, &format!("node list --output json --api-host {}", node.api));
    nodes.as_array().map_or_else(|| panic!("{nodes}"), |nodes| nodes.len() - 1)
}

#[test]
fn the_table_of_nodes_keeps_no_records_of_strangers() {
    let lab = Lab::new();
    let node = lab.serve("node", "--reachable");
    let mut stranger = Stranger::at([127, 0, 0, 1]);
    let to = stranger.knows(&node.peer);
    let before = rss(&node);
    for number in 0..500_u32 {
        let record = Record::new(number.to_be_bytes().to_vec(), vec![1; 8 << 10]);
        stranger.kad().put_record_to(record, [to].into_iter(), Quorum::One);
        stranger.kad().start_providing(RecordKey::new(&number.to_be_bytes())).unwrap();
        stranger.step(Duration::from_millis(5));
    }
    let mut other = Stranger::at([127, 0, 0, 1]);
    other.knows(&node.peer);
    let query = other.kad().get_record(RecordKey::new(&7_u32.to_be_bytes()));
    let found = other.result(query);
    assert!(matches!(found, kad::QueryResult::GetRecord(Err(kad::GetRecordError::NotFound { .. }))), "{found:?}");
    let query = other.kad().get_providers(RecordKey::new(&7_u32.to_be_bytes()));
    let found = other.result(query);
    let none = matches!(
        &found,
        kad::QueryResult::GetProviders(Ok(kad::GetProvidersOk::FinishedWithNoAdditionalRecord { .. }))
    );
    assert!(none, "{found:?}");
    let after = rss(&node);
    println!("memory: {} MiB before, {} MiB after", before >> 20, after >> 20);
    assert!(after < before + (64 << 20), "{before} bytes before, {after} after");
    job(&lab, &node, "out");
}

#[test]
fn names_in_the_table_do_not_turn_a_node_against_an_address() {
    let victim = TcpListener::bind("127.0.0.5:0").unwrap();
    let addr: Multiaddr = format!("/ip4/127.0.0.5/tcp/{}", victim.local_addr().unwrap().port()).parse().unwrap();
    let dialed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&dialed);
    thread::spawn(move || {
        for stream in victim.incoming() {
            drop(stream);
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let lab = Lab::new();
    let node = lab.serve("node", "--reachable");
    let mut stranger = Stranger::near(peer_of(&node.peer.parse().unwrap()), [127, 0, 0, 1]);
    stranger.knows(&node.peer);
    stranger.dials_no_more();
    for _ in 0..2000 {
        stranger.kad().add_address(&PeerId::random(), addr.clone());
    }
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(15) {
        stranger.step(Duration::from_millis(100));
    }
    // A lookup dials the twenty names that are nearest, and this node makes some nine.
    let dialed = dialed.load(Ordering::Relaxed);
    println!("dials: {dialed} in 15 s");
    assert!(dialed <= 60, "{dialed} connections in 15 s");
    job(&lab, &node, "out");
}

#[test]
fn one_address_cannot_take_all_places_of_a_relay() {
    let lab = Lab::new();
    let relay = lab.serve("relay", "--reachable --relay-server --swarm-max-connections-per-address 20");
    let mut strangers: Vec<Stranger> = (0..24).map(|_| Stranger::at([127, 0, 0, 1])).collect();
    let mut reserved = 0;
    for stranger in &mut strangers {
        reserved += usize::from(stranger.reserves(&relay.peer.parse().unwrap(), Duration::from_secs(3)));
    }
    assert!((1..=20).contains(&reserved), "{reserved} places for one address");
    let mut honest = Stranger::at([127, 0, 0, 1]);
    let reserves = honest.reserves(&detour([127, 0, 0, 7], &relay.peer), BOUND);
    assert!(reserves, "another address has its place");
}

#[test]
fn wantlists_without_end_take_a_bounded_memory_and_keep_nobody_out() {
    let lab = Lab::new();
    lab.write("file", "what an honest peer asks for");
    let node = lab.serve("node", "");
    let cid = lab.expect(0, "ipfs add -Q file --data-dir node");
    let before = rss(&node);
    let floods: Vec<(Host, PeerId)> = (0..24).map(|_| connected(&node)).collect();
    thread::scope(|scope| {
        for (seed, (host, peer)) in (0_u32..).zip(&floods) {
            scope.spawn(move || {
                for round in 0..12 {
                    let list = wantlist(seed * 100 + round, 30_000);
                    if !raw::begin(host, *peer, BITSWAP, list, Duration::from_secs(20)) {
                        return;
                    }
                }
            });
        }
    });
    let after = rss(&node);
    println!("memory: {} MiB before, {} MiB after", before >> 20, after >> 20);
    assert!(after < before + (192 << 20), "{before} bytes before, {after} after");
    let get = format!("ipfs get {} --ipfs-connect {} --output-path got", cid.stdout.trim(), node.peer);
    lab.expect(0, &get);
    job(&lab, &node, "out");
}

#[test]
fn large_messages_that_never_end_take_a_bounded_memory() {
    let lab = Lab::new();
    let node = lab.serve("node", "");
    let before = rss(&node);
    let floods: Vec<(Host, PeerId)> = (0..24).map(|_| connected(&node)).collect();
    let mut begun = Vec::new();
    varint(&mut begun, 4 << 20);
    begun.resize(begun.len() + (4 << 20) - 1, 0);
    thread::scope(|scope| {
        for (host, peer) in &floods {
            for _ in 0..2 {
                let begun = &begun;
                scope.spawn(move || {
                    for _ in 0..8 {
                        if !raw::begin(host, *peer, BITSWAP, begun.clone(), Duration::from_secs(5)) {
                            return;
                        }
                    }
                });
            }
        }
    });
    let after = rss(&node);
    println!("memory: {} MiB before, {} MiB after", before >> 20, after >> 20);
    assert!(after < before + (768 << 20), "{before} bytes before, {after} after");
    job(&lab, &node, "out");
}
