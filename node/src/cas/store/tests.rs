//! The store as its users and its disk know it: durability, several processes, collection, damage.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use proptest::prelude::*;
use tempfile::TempDir;

use super::layout::list;
use super::*;
use crate::cas::dag_pb::{Link, Node};
use crate::cas::{Code, MAX_BLOCK_BYTES, RAW};

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
        assert_eq!(store.find(&crate::cas::canonical(old.cid())).unwrap().as_ref(), Some(old.bytes()));
        assert_eq!(store.size_of(block(1).cid()).unwrap(), Some(block(1).bytes().len() as u64));
        assert_eq!(store.size_of(block(3).cid()).unwrap(), None);
        let error = crate::cas::Blocks::get(&*store, block(3).cid()).unwrap_err().to_string();
        assert!(error.contains("is missing: it is not in block store"), "{error}");
        let stat = store.stat().unwrap();
        assert_eq!((stat.blocks, stat.packs, stat.pinned_bytes), (3, 1, 0));
    }
    assert!(files(dir.path(), "drafts").is_empty() && files(dir.path(), "claims").is_empty());
    // A pack is an archive that anybody can read.
    let pack = crate::cas::car::CarReader::new("pack", File::open(&packs(dir.path())[0]).unwrap()).unwrap();
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
    assert!(store.unpin(&crate::cas::canonical(old.cid())).unwrap());
    assert!(!store.unpin(old.cid()).unwrap());
}

#[test]
fn collecting_keeps_what_is_pinned_held_or_being_written() {
    let dir = dir();
    let store = open(dir.path());
    let (leaf, lone) = (block(1), block(2));
    let missing = block(99);
    let inner = node("inner", &[&leaf, &missing]);
    let root = node("root", &[&inner, &inner]);
    let held = node("held", &[&block(3)]);
    let all = [block(3), block(4), leaf.clone(), lone.clone(), inner.clone(), root.clone(), held.clone()];
    store.put(&all).unwrap();
    store.pin(root.cid(), "").unwrap();
    let hold = store.hold(held.cid()).unwrap();
    // Of two other processes, as far as the files go: one writes, one found a block to be there.
    let others = [open(dir.path()), open(dir.path())];
    let writers = [others[0].writer(), others[1].writer()];
    writers[0].write(&block(5)).unwrap();
    writers[1].write(&block(4)).unwrap();
    writers[1].write(&block(6)).unwrap();
    let collected = store.collect(0).unwrap();
    let kept: Vec<_> = all.iter().filter(|block| has(&store, block)).cloned().collect();
    assert_eq!(kept.len(), 6);
    assert!(!has(&store, &lone));
    assert_eq!(collected.pinned_bytes, kept.iter().map(|block| block.bytes().len() as u64).sum::<u64>());
    assert!(store.stat().unwrap().pinned_bytes < collected.pinned_bytes, "pins alone");
    for writer in writers {
        writer.finish().unwrap();
    }
    assert!(has(&store, &block(4)) && has(&store, &block(5)) && has(&store, &block(6)));
    drop(hold);
    store.collect(0).unwrap();
    assert!(has(&store, &leaf) && has(&store, &inner) && has(&store, &root));
    assert!(!has(&store, &held) && !has(&store, &block(4)) && !has(&store, &block(5)));
    store.unpin(root.cid()).unwrap();
    assert_eq!(store.collect(0).unwrap().kept_bytes, 0);
}

#[test]
fn the_oldest_goes_first_and_no_more_than_must() {
    let dir = dir();
    let store = open(dir.path());
    for number in 0..10 {
        store.put(&[block(number)]).unwrap();
    }
    let bytes = store.stat().unwrap().bytes;
    let collected = store.collect(bytes / 2).unwrap();
    assert!(collected.kept_bytes <= bytes / 2 && collected.kept_bytes > bytes / 3, "{collected:?}");
    assert!(has(&store, &block(9)) && !has(&store, &block(0)));
}

#[test]
fn many_packs_become_few() {
    let dir = dir();
    let (store, other) = (open(dir.path()), open(dir.path()));
    for number in 0..300 {
        [&store, &other][number as usize % 2].put(&[block(number)]).unwrap();
        assert!(packs(dir.path()).len() <= 65);
    }
    for store in [store, other, open(dir.path())] {
        assert!((0..300).all(|number| has(&store, &block(number))));
        assert_eq!(store.stat().unwrap().blocks, 300);
    }
}

#[test]
fn a_full_store_makes_room_and_says_when_it_cannot() {
    let dir = dir();
    let max = 2 << 20;
    let store = bounded(dir.path(), max);
    let large = |number: u32| Block::of(Code::Raw, format!("{number:08}").repeat(8 << 10));
    let writer = store.writer();
    for number in 0..200 {
        writer.write(&large(number)).unwrap();
        writer.commit().unwrap();
        assert!(store.layout.usage().unwrap() <= max);
    }
    drop(writer);
    assert!(has(&store, &large(199)) && !has(&store, &large(0)));
    // What one writer has written stays, so it cannot be larger than the store.
    let writer = store.writer();
    let written = (1000..1100).take_while(|number| writer.write(&large(*number)).is_ok()).count();
    assert!((25..=32).contains(&written), "{written}");
    let error = writer.write(&large(2000)).unwrap_err().to_string();
    assert!(error.contains("65664 bytes more do not fit") && error.contains("unpin"), "{error}");
    assert!((1000..1025).all(|number| has(&store, &large(number))));
    store.pin(large(1000).cid(), "").unwrap();
    drop(writer);
    store.put(&[large(3000)]).unwrap();
    assert!(has(&store, &large(1000)) && has(&store, &large(3000)));
    assert!(matches!(bounded(dir.path(), 1000).put(&[large(1)]), Err(DataError::OutOfBounds { .. })));
}

#[test]
fn a_full_store_of_pins_takes_more_after_an_unpin() {
    let dir = dir();
    let store = bounded(dir.path(), 1 << 20);
    let large = |number: u32| Block::of(Code::Raw, format!("{number:08}").repeat(64 << 10));
    store.put(&[large(1)]).unwrap();
    store.pin(large(1).cid(), "").unwrap();
    for _ in 0..3 {
        assert!(store.put(&[large(2)]).unwrap_err().to_string().contains("524288 are pinned"));
    }
    store.unpin(large(1).cid()).unwrap();
    store.put(&[large(2)]).unwrap();
    assert!(!has(&store, &large(1)));
}

#[test]
fn torn_drafts_are_taken_over_up_to_the_last_good_block() {
    let source = dir();
    let store = open(source.path());
    store.put(&[block(1), block(2), block(3)]).unwrap();
    let pack = fs::read(&packs(source.path())[0]).unwrap();
    let header = 1 + usize::from(pack[0]);
    let section = (pack.len() - header) / 3;
    for (end, blocks) in
        [(0, 0), (5, 0), (header, 0), (header + 7, 0), (header + section, 1), (pack.len() - 1, 2), (pack.len(), 3)]
    {
        let dir = dir();
        drop(open(dir.path()));
        fs::write(dir.path().join("drafts/00-x.car"), &pack[..end]).unwrap();
        let store = open(dir.path());
        assert_eq!((1..4).filter(|number| has(&store, &block(*number))).count(), blocks, "cut at {end}");
        assert!(files(dir.path(), "drafts").is_empty());
        assert_eq!(packs(dir.path()).len(), blocks.min(1));
    }
    let mut damaged = pack.clone();
    *damaged.last_mut().unwrap() ^= 1;
    damaged.extend(b"torn");
    let dir = dir();
    drop(open(dir.path()));
    fs::write(dir.path().join("drafts/00-x.car"), &damaged).unwrap();
    assert_eq!(open(dir.path()).stat().unwrap().blocks, 2);
}

#[test]
fn a_damaged_block_is_named_and_can_be_written_again() {
    let dir = dir();
    let store = open(dir.path());
    store.put(&[block(1), block(2)]).unwrap();
    let path = &packs(dir.path())[0];
    let bytes = fs::read(path).unwrap();
    let at = bytes.windows(8).position(|window| window == b"block 2 ").unwrap();
    File::options().write(true).open(path).unwrap().write_all_at(b"B", at as u64).unwrap();
    for store in [store, open(dir.path())] {
        assert!(has(&store, &block(1)));
        let error = store.find(block(2).cid()).unwrap_err();
        assert!(matches!(&error, DataError::Corrupt { cid, .. } if cid == block(2).cid()), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    let store = open(dir.path());
    assert!(store.find(block(2).cid()).is_err());
    store.put(&[block(2)]).unwrap();
    assert!(has(&store, &block(2)));
}

#[test]
fn damaged_indexes_and_packs_cost_no_other_blocks() {
    let dir = dir();
    let store = open(dir.path());
    for numbers in [0..100, 100..200, 200..300] {
        store.put(&numbers.map(block).collect::<Vec<_>>()).unwrap();
    }
    let packs = packs(dir.path());
    let index = packs[0].with_extension("idx");
    let mut bytes = fs::read(&index).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&index, &bytes).unwrap();
    fs::remove_file(packs[1].with_extension("idx")).unwrap();
    File::options().write(true).open(&packs[2]).unwrap().write_all_at(b"\xff\xff\xff\xff", 0).unwrap();
    let store = open(dir.path());
    assert!((0..200).all(|number| has(&store, &block(number))));
    let stat = store.stat().unwrap();
    // The index of the last one has become stale as well, and its header is not that of an archive.
    assert_eq!((stat.packs, stat.damaged.len()), (2, 1));
    assert!(stat.damaged[0].contains(packs[2].to_str().unwrap()), "{:?}", stat.damaged);
    bytes.clear();
    fs::write(&index, &bytes).unwrap();
    store.collect(0).unwrap();
    assert_eq!(store.stat().unwrap().blocks, 0);
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

/// The same program again, at [`what_a_child_does`]. It is killed when this is dropped.
struct Helper {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Helper {
    fn new(dir: &Path, task: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "cas::store::tests::what_a_child_does", "--nocapture", "--test-threads=1"]);
        command.env("STORE_TASK", task).env("STORE_DIR", dir);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        Self { output: BufReader::new(child.stdout.take().unwrap()), child }
    }

    /// Waits for the next line that says that everything up to a number is safe.
    fn acknowledged(&mut self) -> Option<u32> {
        let mut lines = self.output.by_ref().lines().map_while(Result::ok);
        lines.find_map(|line| line.split_once("safe ")?.1.parse().ok())
    }

    /// In the middle of whatever it does now.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Of use to the tests below; does nothing by itself.
#[test]
fn what_a_child_does() {
    let Ok(task) = std::env::var("STORE_TASK") else { return };
    let store = open(Path::new(&std::env::var("STORE_DIR").unwrap()));
    let say = |number: u32| {
        println!("safe {number}");
        std::io::stdout().flush().unwrap();
    };
    match task.split_once(' ').unwrap() {
        // Writes for ever.
        ("write", begin) => {
            for number in begin.parse::<u32>().unwrap().. {
                let writer = store.writer();
                writer.write(&block(number)).unwrap();
                writer.write(&block(1_000_000 + number)).unwrap();
                writer.finish().unwrap();
                say(number);
            }
        }
        // Collects for ever, and makes what is to be collected.
        ("collect", begin) => {
            for number in begin.parse::<u32>().unwrap().. {
                store.put(&[block(2_000_000 + number)]).unwrap();
                store.collect(0).unwrap();
                say(number);
            }
        }
        (task, _) => panic!("{task}"),
    }
}

#[test]
fn killing_a_writer_loses_nothing_that_was_acknowledged() {
    let dir = dir();
    let mut next = 0;
    for lines in [0, 1, 2, 5, 17, 70] {
        let mut helper = Helper::new(dir.path(), &format!("write {next}"));
        for _ in 0..lines {
            next = helper.acknowledged().unwrap() + 1;
        }
        helper.kill();
        while let Some(number) = helper.acknowledged() {
            next = number + 1;
        }
        let store = open(dir.path());
        for number in 0..next {
            assert!(has(&store, &block(number)) && has(&store, &block(1_000_000 + number)), "{number} of {next}");
        }
        assert!(files(dir.path(), "drafts").is_empty());
    }
    assert!(next >= 95);
}

#[test]
fn killing_a_collector_loses_nothing_that_is_pinned() {
    let dir = dir();
    let store = open(dir.path());
    let leaves: Vec<_> = (0..40).map(block).collect();
    for (number, leaf) in leaves.iter().enumerate() {
        // In a pack of its own, with something that goes.
        store.put(&[leaf.clone(), block(100 + u32::try_from(number).unwrap())]).unwrap();
    }
    let root = node("root", &leaves.iter().collect::<Vec<_>>());
    store.put(std::slice::from_ref(&root)).unwrap();
    store.pin(root.cid(), "").unwrap();
    for lines in [0, 1, 3, 10] {
        let mut helper = Helper::new(dir.path(), "collect 0");
        (0..lines).for_each(|_| _ = helper.acknowledged().unwrap());
        helper.kill();
        for store in [&store, &open(dir.path())] {
            assert!(leaves.iter().chain([&root]).all(|block| has(store, block)));
        }
    }
}

#[test]
fn two_processes_write_at_once_and_read_each_others_blocks() {
    let dir = dir();
    let store = open(dir.path());
    let mut helper = Helper::new(dir.path(), "write 0");
    for number in 0..100 {
        store.put(&[block(500_000 + number), block(number)]).unwrap();
        let theirs = helper.acknowledged().unwrap();
        assert!(has(&store, &block(theirs)) && has(&store, &block(1_000_000 + theirs)));
    }
    // One collects while the other one writes.
    for number in 0..10 {
        let root = node("mine", &[&block(600_000 + number)]);
        let writer = store.writer();
        writer.write(&block(600_000 + number)).unwrap();
        writer.write(&root).unwrap();
        store.collect(0).unwrap();
        store.pin(root.cid(), "").unwrap();
        writer.finish().unwrap();
        helper.acknowledged().unwrap();
        assert!((0..=number).all(|number| has(&store, &block(600_000 + number))));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u32>),
    Pin(u32),
    Unpin(u32),
    Collect(u64),
    Reopen,
    Find(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        prop::collection::vec(0..30_u32, 0..6).prop_map(Step::Put),
        (0..30_u32).prop_map(Step::Pin),
        (0..30_u32).prop_map(Step::Unpin),
        (0..40_000_u64).prop_map(Step::Collect),
        Just(Step::Reopen),
        (0..30_u32).prop_map(Step::Find),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// Block `n` links to `n / 2` and `n / 3`, so that pins reach far.
    #[test]
    fn any_order_of_things_keeps_what_it_must(steps in prop::collection::vec(step(), 1..30)) {
        let blocks: Vec<_> = (0..30).fold(Vec::<Block>::new(), |mut blocks, number| {
            let children = if number == 0 { vec![] } else { vec![&blocks[number / 2], &blocks[number / 3]] };
            let block = node(&number.to_string().repeat(200), &children);
            blocks.push(block);
            blocks
        });
        let dir = dir();
        let mut store = open(dir.path());
        // What must be there, and what may be.
        let (mut put, mut sure, mut pins) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for step in steps {
            match step {
                Step::Put(numbers) => {
                    let chosen: Vec<_> = numbers.iter().map(|number| blocks[*number as usize].clone()).collect();
                    store.put(&chosen).unwrap();
                    put.extend(numbers.iter().copied());
                    sure.extend(numbers);
                }
                Step::Pin(number) => {
                    store.pin(blocks[number as usize].cid(), "").unwrap();
                    pins.insert(number);
                }
                Step::Unpin(number) => {
                    prop_assert_eq!(store.unpin(blocks[number as usize].cid()).unwrap(), pins.remove(&number));
                }
                Step::Collect(target) => {
                    let collected = store.collect(target).unwrap();
                    let mut kept = BTreeMap::new();
                    let mut pending: Vec<_> = pins.iter().copied().collect();
                    while let Some(number) = pending.pop() {
                        // One that is missing leads no further.
                        let below = store.find(blocks[number as usize].cid()).unwrap().is_some() && number > 0;
                        if kept.insert(number, ()).is_none() && below {
                            pending.extend([number / 2, number / 3]);
                        }
                    }
                    sure.retain(|number| kept.contains_key(number));
                    let rest = collected.kept_bytes;
                    prop_assert!(rest <= target || rest < collected.pinned_bytes * 2 + 100 * 30 + 64 * 400);
                }
                Step::Reopen => store = open(dir.path()),
                Step::Find(number) => {
                    let found = has(&store, &blocks[number as usize]);
                    prop_assert!(!found || put.contains(&number));
                }
            }
            for number in &sure {
                prop_assert!(has(&store, &blocks[*number as usize]), "{} is gone", number);
            }
        }
    }
}
