//! What another node imports is fetched from it block by block, and served to a second one, which writes it to its disk.

use std::time::Instant;

use crate::process::{Kind, Process};
use crate::support::{Ours, contents, trees};

fn exchange(kind: Kind) {
    let (Some(mut from), Some(mut to)) = (Process::start(kind), Process::start(kind)) else { return };
    let ours = Ours::start();
    let dir = tempfile::tempdir().unwrap();
    for (name, path) in trees(dir.path()) {
        let cid = from.add(&path);
        ours.host.connect(&from.addr).unwrap();
        let start = Instant::now();
        let (blocks, bytes) = ours.fetch(&cid);
        eprintln!("{name} from {kind:?}: {blocks} blocks, {bytes} bytes in {:?}", start.elapsed());
        let there = to.fetch(&ours.host.listen_addrs()[0], &cid);
        let (sent, got) = (contents(&path), contents(&there));
        assert!(sent == got, "{name} by way of us: {} files became {}", sent.len(), got.len());
    }
}

#[test]
fn helia() {
    exchange(Kind::Helia);
}

#[test]
fn kubo() {
    exchange(Kind::Kubo);
}
