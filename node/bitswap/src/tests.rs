//! Nodes of ours against each other, and against hostile ones that speak on raw streams.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::*;
use bacalhau_cas::{Block, Code, memory::MemoryBlockstore};
use bacalhau_p2p::HostConfig;

mod hostile;
mod several;

/// Longer than anything here takes.
const BOUND: Duration = Duration::from_secs(20);

struct Peer {
    host: Host,
    bitswap: Arc<Bitswap>,
    blockstore: Arc<MemoryBlockstore>,
}

/// Patient for long enough that a machine under load does not fail a test, quick where a test is about time.
fn quick() -> Config {
    let (patience, reask) = (Duration::from_millis(400), Duration::from_millis(100));
    Config { patience, reask, ..Config::default() }
}

fn patient() -> Config {
    Config { patience: BOUND, ..Config::default() }
}

fn peer(config: Config) -> Peer {
    let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
    let host = Host::start(&HostConfig { listen, ..HostConfig::default() }).unwrap();
    let blockstore = Arc::new(MemoryBlockstore::default());
    let bitswap = Bitswap::start(&host, Some(blockstore.clone()), config);
    Peer { host, bitswap, blockstore }
}

type Answered = Receiver<(Cid, Result<bytes::Bytes, DataError>)>;

impl Peer {
    fn connect(&self, other: &Host) {
        self.host.connect(&other.listen_addrs()[0]).unwrap();
    }

    fn want(&self, cids: &[Cid]) -> Answered {
        let (answer, answered) = channel();
        let answers: Answers = Arc::new(move |cid, result| drop(answer.send((cid, result))));
        self.bitswap.want(cids, &answers);
        answered
    }

    /// All of them, or the first error.
    fn fetch(&self, cids: &[Cid]) -> Result<Vec<bytes::Bytes>, String> {
        let answered = self.want(cids);
        let mut blocks = std::collections::HashMap::new();
        for _ in cids {
            let (cid, result) = answered.recv_timeout(BOUND).expect("an answer in time");
            assert!(blocks.insert(cid, result.map_err(|error| error.to_string())?).is_none(), "{cid} twice");
        }
        Ok(cids.iter().map(|cid| blocks[cid].clone()).collect())
    }

    fn why(&self, cid: &Cid) -> String {
        self.fetch(&[*cid]).unwrap_err()
    }

    fn stats(&self, of: &Host) -> PeerStats {
        self.bitswap.stats().into_iter().find(|(id, _)| *id == of.peer_id()).map(|(_, stats)| stats).unwrap_or_default()
    }
}

fn blocks(count: usize, bytes: usize) -> Vec<Block> {
    let block = |number: usize| {
        let text = number.to_string().into_bytes();
        Block::of(Code::Raw, text.iter().copied().cycle().take(bytes).chain(text.iter().copied()).collect::<Vec<_>>())
    };
    (0..count).map(block).collect()
}

#[test]
fn blocks_come_from_the_other_node() {
    let (a, b) = (peer(patient()), peer(patient()));
    let old = a.blockstore.put(Block::of_v0("of version 0"));
    let file: Vec<_> = blocks(20, 256 << 10).into_iter().map(|block| a.blockstore.put(block)).collect();
    b.connect(&a.host);
    let all: Vec<_> = file.iter().copied().chain([old]).collect();
    let fetched = b.fetch(&all).unwrap();
    for (cid, bytes) in all.iter().zip(&fetched) {
        bacalhau_cas::check(cid, bytes).unwrap();
    }
    // By the other CID of the same block, and back over the same connection.
    assert_eq!(b.fetch(&[bacalhau_cas::canonical(&old)]).unwrap(), ["of version 0"]);
    let back = b.blockstore.put(Block::of(Code::Raw, "back"));
    assert_eq!(a.fetch(&[back]).unwrap(), ["back"]);
    let stats = b.stats(&a.host);
    assert_eq!((stats.blocks_received, stats.blocks_unasked), (22, 0));
    assert!(stats.bytes_received > 5 << 20, "{stats:?}");
    assert_eq!(b.stats(&a.host).blocks_sent, 1);
}

#[test]
fn several_may_wait_for_one_block() {
    let (a, b) = (peer(patient()), peer(patient()));
    let cid = a.blockstore.put(Block::of(Code::Raw, "one"));
    b.connect(&a.host);
    let answered = [b.want(&[cid]), b.want(&[cid, cid])];
    assert_eq!(answered.iter().map(|answered| answered.iter().count()).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_nobody_has_is_answered_at_once() {
    let (a, b) = (peer(patient()), peer(patient()));
    let absent = *Block::of(Code::Raw, "absent").cid();
    assert!(b.why(&absent).contains("no Bitswap peer is connected"), "{}", b.why(&absent));
    b.connect(&a.host);
    assert!(b.why(&absent).ends_with(&format!("peer {} does not have it", a.host.peer_id())));
}

#[test]
fn what_needs_no_peer_is_answered_without_one() {
    let b = peer(patient());
    let inline = Cid::new_v1(bacalhau_cas::RAW, multihash::Multihash::wrap(IDENTITY, b"inline").unwrap());
    assert_eq!(b.fetch(&[inline]).unwrap(), ["inline"]);
    let sha1 = Cid::new_v1(bacalhau_cas::RAW, multihash::Multihash::wrap(0x11, &[0; 20]).unwrap());
    assert!(b.why(&sha1).contains("hash function sha1"));
    // No block could ever have it: it is not asked for.
    let short = Cid::new_v1(bacalhau_cas::RAW, multihash::Multihash::wrap(0x12, &[0; 20]).unwrap());
    assert!(b.why(&short).contains("a digest of 20 bytes by sha2-256"));
}

#[test]
fn wants_wait_for_a_dial() {
    let (a, b) = (peer(patient()), peer(patient()));
    let cid = a.blockstore.put(Block::of(Code::Raw, "soon"));
    let dial = b.bitswap.connect(&a.host.listen_addrs()[0]);
    assert_eq!(b.fetch(&[cid]).unwrap(), ["soon"]);
    dial.wait().unwrap();
    let refused = b.bitswap.connect(&"/ip4/127.0.0.1/tcp/1".parse().unwrap());
    assert!(b.why(Block::of(Code::Raw, "never").cid()).contains("does not have it"));
    refused.wait().unwrap_err();
}

#[test]
fn the_end_of_the_host_ends_all_waiting() {
    let (silent, b) = (hostile::silent(), peer(patient()));
    b.connect(&silent.host);
    let Peer { host, bitswap, blockstore: _blockstore } = b;
    let (answer, answered) = channel();
    let answers: Answers = Arc::new(move |_, result: Result<_, DataError>| drop(answer.send(result)));
    bitswap.want(&[*Block::of(Code::Raw, "x").cid()], &answers);
    drop(host);
    let error = answered.recv_timeout(BOUND).unwrap().unwrap_err().to_string();
    assert!(error.contains("was shut down"), "{error}");
    bitswap.want(&[*Block::of(Code::Raw, "x").cid()], &answers);
    let error = answered.recv_timeout(BOUND).unwrap().unwrap_err().to_string();
    assert!(error.contains("was shut down"), "{error}");
}
