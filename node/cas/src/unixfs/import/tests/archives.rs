//! Archives that no store was asked for: they are those of a store, block for block.

use std::io;
use std::sync::{Arc, Mutex};

use bacalhau_tree::{Deadline, Entry, ReadAt, Stat, Tree};

use super::super::{Archive, Profile, import};
use super::trees::Item;
use super::vectors::{many, pattern};
use crate::car::CarWriter;
use crate::memory::MemoryBlockstore;
use crate::unixfs::{Bounds, Scope, Walk};
use crate::{Block, DataError};

/// What `ipfs add` and `ipfs export` make of it.
fn exported(tree: &dyn Tree, profile: Profile) -> Vec<u8> {
    let blockstore = Arc::new(MemoryBlockstore::default());
    let mut sink = |block: Block| {
        blockstore.put(block);
        Ok(())
    };
    let root = import(tree, profile, &mut sink).unwrap().cid;
    let mut car = CarWriter::new(Vec::new(), &[root]).unwrap();
    for block in Walk::new(blockstore.clone(), &root, Scope::All, Bounds::default()) {
        let (cid, bytes) = block.unwrap();
        car.write(&Block::checked(cid, bytes)).unwrap();
    }
    car.finish().unwrap()
}

#[test]
fn an_archive_is_what_a_store_would_export() {
    let twice = pattern(1_200_000);
    let dir = Item::dir([
        ("again", Item::file(twice.clone())),
        ("empty", Item::dir::<&str>([])),
        ("link", Item::Link("twice".into())),
        ("many", many(6000, 40)),
        ("nothing", Item::file("")),
        ("twice", Item::file(twice)),
    ]);
    let (file, small, none) = (Item::file(pattern(3 << 20)), Item::file("x"), Item::dir::<&str>([]));
    for tree in [dir, file, small, none] {
        for profile in Profile::ALL {
            let mut seen = 0;
            let archive = Archive::of(Arc::new(tree.clone()), profile, |bytes| seen = bytes).unwrap();
            let (imported, mut written) = (*archive.imported(), 0);
            let car = archive.write(Vec::new(), |bytes| written = bytes).unwrap();
            assert!(car == exported(&tree, profile), "{profile}");
            assert_eq!(seen, imported.bytes);
            assert!(written < car.len() as u64 && written > 0 || imported.total_size == 0);
        }
    }
}

/// A tree that somebody writes to.
#[derive(Debug)]
struct Restless(Mutex<Item>);

impl Restless {
    fn now(&self) -> Item {
        self.0.lock().unwrap().clone()
    }
}

impl Tree for Restless {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        self.now().stat(path)
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.now().list(path)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        self.now().open(path)
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        self.now().read_link(path)
    }

    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        self.now().identity(deadline)
    }
}

#[test]
fn a_file_that_changes_between_the_two_readings_is_found_out() {
    let before = pattern(800_000);
    let (mut changed, shorter) = (before.clone(), before[..700_000].to_vec());
    changed[700_000] ^= 1;
    for (words, after) in [
        ("log changed while it was archived", Item::dir([("log", Item::file(changed))])),
        ("log to import it: its length changed", Item::dir([("log", Item::file(shorter))])),
        ("log to import it: entity not found", Item::dir([("log.1", Item::file(before.clone()))])),
    ] {
        let tree = Arc::new(Restless(Mutex::new(Item::dir([("log", Item::file(before.clone()))]))));
        let archive = Archive::of(tree.clone(), Profile::default(), |_| {}).unwrap();
        *tree.0.lock().unwrap() = after;
        let error: DataError = archive.write(Vec::new(), |_| {}).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}
