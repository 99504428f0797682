//! What another node imports is fetched from it, and what we import is fetched by it: each file equal to the byte.

use std::path::Path;
use std::time::Instant;

use crate::process::{Kind, Process};
use crate::support::{Ours, contents, trees};

fn exchange(kind: Kind) {
    let Some(mut other) = Process::start(kind) else { return };
    let ours = Ours::start();
    let dir = tempfile::tempdir().unwrap();
    for (name, path) in trees(dir.path()) {
        let theirs = other.add(&path);
        let start = Instant::now();
        let fetched = ours.get(&other.addr, &theirs);
        eprintln!("{name} from {kind:?}: {:?}", start.elapsed());
        same(&path, &fetched, &format!("{name} from {kind:?}"));
        let own = ours.add(&path);
        let start = Instant::now();
        let fetched = other.fetch(ours.addr(), &own);
        eprintln!("{name} by {kind:?}: {:?}", start.elapsed());
        same(&path, &fetched, &format!("{name} by {kind:?}"));
    }
}

fn same(sent: &Path, got: &Path, what: &str) {
    let (sent, got) = (contents(sent), contents(got));
    assert!(sent == got, "{what}: {} files became {}", sent.len(), got.len());
}

#[test]
fn helia() {
    exchange(Kind::Helia);
}

#[test]
fn kubo() {
    exchange(Kind::Kubo);
}
