//! The order of blocks, which is part of an archive's identity.

use std::collections::BTreeSet;

use bacalhau_tree::{HostTree, Tree};

use super::super::{Imported, Profile, Sink, import};
use super::trees::Item;
use super::vectors::{many, pattern};
use crate::links;
use crate::{Block, Cid, DataError};

/// Remembers everything.
#[derive(Default)]
struct Tape {
    blocks: Vec<Block>,
    progress: Vec<u64>,
}

impl Sink for Tape {
    fn put(&mut self, block: Block) -> Result<(), DataError> {
        self.blocks.push(block);
        Ok(())
    }

    fn progress(&mut self, bytes: u64) {
        self.progress.push(bytes);
    }
}

fn taped(tree: &dyn Tree, profile: Profile, threads: usize) -> (Imported, Tape) {
    let mut tape = Tape::default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let imported = pool.install(|| import(tree, profile, &mut tape)).unwrap();
    (imported, tape)
}

/// More than one batch, by bytes and by files, with shards.
fn large() -> Item {
    Item::dir([
        ("big", Item::file(pattern(10 << 20))),
        ("empty", Item::dir::<&str>([])),
        ("link", Item::Link("big".into())),
        ("many", many(6000, 40)),
        ("some", Item::dir([("a", Item::file(pattern(300_000))), ("b", Item::file(""))])),
    ])
}

#[test]
fn blocks_come_after_what_they_link_to_in_one_order_on_any_number_of_threads() {
    let tree = large();
    for profile in Profile::ALL {
        let (imported, tape) = taped(&tree, profile, 1);
        let mut seen = BTreeSet::<Cid>::new();
        for block in &tape.blocks {
            let links = links(block.cid(), block.bytes()).unwrap();
            assert!(links.iter().all(|cid| seen.contains(cid)), "{} comes too early", block.cid());
            seen.insert(*block.cid());
        }
        assert_eq!(tape.blocks.last().map(Block::cid), Some(&imported.cid));
        assert_eq!(tape.blocks.len() as u64, imported.blocks);
        assert!(tape.progress.is_sorted());
        assert_eq!(tape.progress.last(), Some(&imported.bytes));
        for threads in [2, 5] {
            let (again, other) = taped(&tree, profile, threads);
            assert!(again == imported && other.blocks == tape.blocks && other.progress == tape.progress);
        }
    }
}

#[test]
fn a_directory_of_the_host_is_a_tree_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    std::fs::create_dir_all(at("sub/empty")).unwrap();
    std::fs::write(at("sub/b"), pattern(600_000)).unwrap();
    std::fs::write(at("a"), "a").unwrap();
    std::os::unix::fs::symlink("sub/b", at("link")).unwrap();
    let tree = Item::dir([
        ("a", Item::file("a")),
        ("link", Item::Link("sub/b".into())),
        ("sub", Item::dir([("b", Item::file(pattern(600_000))), ("empty", Item::dir::<&str>([]))])),
    ]);
    for profile in Profile::ALL {
        let (expected, tape) = taped(&tree, profile, 2);
        let (got, host) = taped(&HostTree::open(dir.path()).unwrap(), profile, 2);
        assert!(got == expected && host.blocks == tape.blocks);
        let file = taped(&HostTree::open(&at("sub/b")).unwrap(), profile, 2).0;
        assert_eq!(file, taped(&Item::file(pattern(600_000)), profile, 2).0);
    }
}
