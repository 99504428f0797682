//! The store as its users and its disk know it: durability, several processes, collection, damage.

mod collecting;
mod damage;
mod model;
mod processes;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;

use tempfile::TempDir;

use super::layout::list;
use super::*;
use crate::dag_pb::{Link, Node};
use crate::{Code, MAX_BLOCK_BYTES, RAW};

fn block(number: u32) -> Block {
    Block::of(Code::Raw, format!("block {number} ").repeat(100))
}

/// A node over blocks, with something to tell it from others.
fn node(name: &str, children: &[&Block]) -> Block {
    let links = children.iter().map(|child| Link { cid: *child.cid(), name: Bytes::new(), total_size: 0 }).collect();
    Block::of(Code::DagPb, Node { links, data: Some(name.to_owned().into()) }.encode())
}

fn open(dir: &Path) -> Arc<Store> {
    Store::open(dir, Options::default()).unwrap()
}

fn bounded(dir: &Path, max_bytes: u64) -> Arc<Store> {
    Store::open(dir, Options { max_bytes }).unwrap()
}

fn has(store: &Store, block: &Block) -> bool {
    match store.find(block.cid()).unwrap() {
        None => false,
        Some(bytes) => bytes == block.bytes(),
    }
}

fn files(dir: &Path, room: &str) -> Vec<PathBuf> {
    list(&dir.join(room)).unwrap()
}

fn packs(dir: &Path) -> Vec<PathBuf> {
    files(dir, "packs").into_iter().filter(|path| path.extension().is_some_and(|name| name == "car")).collect()
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn what_is_put_is_found_and_still_there_tomorrow() {
    let dir = dir();
    let store = open(dir.path());
    let old = Block::of_v0(Node { links: vec![], data: None }.encode());
    store.put(&[block(1), block(2), old.clone(), block(1)]).unwrap();
    for store in [store, open(dir.path())] {
        assert!(has(&store, &block(1)) && has(&store, &block(2)) && has(&store, &old));
        assert_eq!(store.find(&crate::canonical(old.cid())).unwrap().as_ref(), Some(old.bytes()));
        assert_eq!(store.size_of(block(1).cid()).unwrap(), Some(block(1).bytes().len() as u64));
        assert_eq!(store.size_of(block(3).cid()).unwrap(), None);
        let error = crate::BlockSource::get(&*store, block(3).cid()).unwrap_err().to_string();
        assert!(error.contains("is missing: it is not in block store"), "{error}");
        let stat = store.stat().unwrap();
        assert_eq!((stat.blocks, stat.packs, stat.pinned_bytes), (3, 1, 0));
    }
    assert!(files(dir.path(), "drafts").is_empty() && files(dir.path(), "claims").is_empty());
    // A pack is an archive that anybody can read.
    let pack = crate::car::CarReader::new("pack", File::open(&packs(dir.path())[0]).unwrap()).unwrap();
    assert_eq!(pack.map(Result::unwrap).count(), 3);
}

#[test]
fn blocks_are_written_once_and_read_before_they_are_finished() {
    let dir = dir();
    let store = open(dir.path());
    store.put(&[block(1)]).unwrap();
    let writer = store.writer();
    writer.write(&block(1)).unwrap();
    writer.write(&block(2)).unwrap();
    writer.write(&block(2)).unwrap();
    assert!(has(&store, &block(2)));
    assert_eq!(store.size_of(block(2).cid()).unwrap(), Some(block(2).bytes().len() as u64));
    assert!(!has(&open(dir.path()), &block(2)), "others see what is finished");
    writer.commit().unwrap();
    writer.write(&block(3)).unwrap();
    writer.finish().unwrap();
    assert_eq!(store.stat().unwrap().blocks, 3);
    assert_eq!(packs(dir.path()).len(), 3);
}

#[test]
fn another_store_sees_what_comes_and_reads_on_what_goes() {
    let dir = dir();
    let (one, other) = (open(dir.path()), open(dir.path()));
    for number in 0..20 {
        one.put(&[block(number)]).unwrap();
        assert!(has(&other, &block(number)), "at once, whatever the clock of the file system");
    }
    let packs = other.packs.all();
    one.collect(0).unwrap();
    assert!(packs.iter().all(|pack| pack.car.read(&pack.car.entries().unwrap()[0]).is_ok()));
    assert!(!has(&one, &block(3)));
    other.packs.refresh().unwrap();
    assert!(!has(&other, &block(3)));
    assert_eq!(list(&dir.path().join("packs")).unwrap(), Vec::<PathBuf>::new());
}

#[test]
fn pins_are_kept_and_listed() {
    let dir = dir();
    let store = open(dir.path());
    let old = Block::of_v0("x");
    store.pin(old.cid(), "old").unwrap();
    store.pin(block(1).cid(), "a").unwrap();
    store.pin(block(1).cid(), "b").unwrap();
    let names: Vec<_> = open(dir.path()).pins().unwrap().into_iter().map(|pin| pin.name).collect();
    assert_eq!(BTreeSet::from_iter(names), BTreeSet::from(["old".to_owned(), "b".to_owned()]));
    assert!(store.unpin(&crate::canonical(old.cid())).unwrap());
    assert!(!store.unpin(old.cid()).unwrap());
}

#[test]
fn blocks_that_stand_in_their_cid_take_no_place() {
    let dir = dir();
    let store = open(dir.path());
    let cid = Cid::new_v1(RAW, multihash::Multihash::wrap(0, b"tiny").unwrap());
    store.put(&[Block::new(cid, Bytes::from_static(b"tiny")).unwrap()]).unwrap();
    assert_eq!(store.find(&cid).unwrap().unwrap(), "tiny");
    assert!(packs(dir.path()).is_empty());
}

#[test]
fn the_largest_block_fits() {
    let dir = dir();
    let store = open(dir.path());
    let block = Block::of(Code::Raw, vec![1; MAX_BLOCK_BYTES]);
    store.put(std::slice::from_ref(&block)).unwrap();
    assert!(has(&store, &block));
}

#[test]
fn threads_write_read_and_collect_at_once() {
    let dir = dir();
    let store = open(dir.path());
    thread::scope(|scope| {
        for thread in 0..4_u32 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..10 {
                    let numbers = (0..10).map(|number| thread * 50 + round * 10 + number);
                    let blocks: Vec<_> = numbers.map(block).collect();
                    let root = node(&format!("{thread} {round}"), &blocks.iter().collect::<Vec<_>>());
                    let writer = store.writer();
                    blocks.iter().chain([&root]).for_each(|block| writer.write(block).unwrap());
                    store.pin(root.cid(), "").unwrap();
                    writer.finish().unwrap();
                    assert!(blocks.iter().all(|block| has(store, block)));
                }
            });
        }
        let store = &store;
        scope.spawn(move || (0..20).for_each(|_| _ = store.collect(0).unwrap()));
    });
    let pins = store.pins().unwrap();
    assert_eq!(pins.len(), 40);
    for store in [store, open(dir.path())] {
        assert!((0..200).all(|number| has(&store, &block(number))));
    }
}
