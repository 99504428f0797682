//! Files that a crash or the disk has spoilt.

use std::os::unix::fs::FileExt;

use super::*;

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
    let other = open(dir.path());
    for store in [&store, &open(dir.path())] {
        assert!(has(store, &block(1)));
        assert_eq!(store.find(block(2).cid()).unwrap(), None);
        assert_eq!(store.size_of(block(2).cid()).unwrap(), None);
        let error = crate::BlockSource::get(&**store, block(2).cid()).unwrap_err();
        assert!(matches!(&error, DataError::Missing { cid, .. } if **cid == *block(2).cid()), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        let stat = store.stat().unwrap();
        assert_eq!((stat.damaged_blocks, stat.damaged.len()), (1, 1));
        assert!(stat.damaged[0].starts_with(&format!("block {}, in ", block(2).cid())), "{:?}", stat.damaged);
    }
    // One that was opened before anybody knew.
    assert_eq!(other.stat().unwrap().damaged_blocks, 1);
    other.put(&[block(2)]).unwrap();
    for store in [store, other, open(dir.path())] {
        assert!(has(&store, &block(2)));
        assert_eq!((store.stat().unwrap().damaged_blocks, store.stat().unwrap().damaged), (0, vec![]));
    }
    let store = open(dir.path());
    store.pin(block(2).cid(), "").unwrap();
    store.collect(0).unwrap();
    assert_eq!(store.verify(&mut |_| ()).unwrap(), Verified { blocks: 1, bytes: 800, ..Verified::default() });
    assert!(files(dir.path(), "packs").iter().all(|path| path.extension().is_some_and(|name| name != "bad")));
}

/// Makes `block` differ from what it was, in the first pack that has it.
fn spoil(dir: &Path, block: &Block) {
    for path in packs(dir) {
        let bytes = fs::read(&path).unwrap();
        let Some(at) = bytes.windows(block.bytes().len()).position(|window| window == block.bytes()) else { continue };
        return File::options().write(true).open(path).unwrap().write_all_at(b"?", at as u64).unwrap();
    }
    panic!("no pack has it");
}

#[test]
fn what_is_damaged_and_pinned_is_not_forgotten_by_collecting() {
    let dir = dir();
    let store = open(dir.path());
    let (leaf, other) = (block(1), block(2));
    let root = node("root", &[&leaf, &other]);
    store.put(&[leaf.clone(), other.clone(), root.clone(), block(3)]).unwrap();
    store.pin(root.cid(), "").unwrap();
    // A leaf: what is below the pin is known, and nothing of its pack goes.
    spoil(dir.path(), &leaf);
    let collected = store.collect(0).unwrap();
    assert!(collected.damaged.is_empty() && has(&store, &other) && !has(&store, &leaf));
    assert_eq!(open(dir.path()).stat().unwrap().damaged_blocks, 1);
    store.put(std::slice::from_ref(&leaf)).unwrap();
    store.collect(0).unwrap();
    assert!(!has(&store, &block(3)) && [&leaf, &other, &root].into_iter().all(|block| has(&store, block)));
    // A node: what is below it is not known, and nothing goes at all.
    spoil(dir.path(), &root);
    store.put(&[block(4)]).unwrap();
    let store = open(dir.path());
    assert_eq!(store.collect(0).unwrap().damaged, [*root.cid()]);
    assert!([&leaf, &other, &block(4)].into_iter().all(|block| has(&store, block)));
    store.put(std::slice::from_ref(&root)).unwrap();
    assert_eq!(store.collect(0).unwrap().damaged, []);
    assert!(!has(&store, &block(4)) && [&leaf, &other, &root].into_iter().all(|block| has(&store, block)));
    assert_eq!(store.verify(&mut |_| ()).unwrap().blocks, 3);
}

#[test]
fn many_packs_are_merged_around_a_damaged_one() {
    let dir = dir();
    let store = open(dir.path());
    for number in 0..40 {
        store.put(&[block(number)]).unwrap();
    }
    spoil(dir.path(), &block(7));
    for number in 40..100 {
        store.put(&[block(number)]).unwrap();
    }
    assert!(packs(dir.path()).len() < 70, "{}", packs(dir.path()).len());
    let store = open(dir.path());
    assert!((0..100).filter(|number| *number != 7).all(|number| has(&store, &block(number))));
    assert_eq!(store.verify(&mut |_| ()).unwrap().damaged_blocks, 1, "it is known to be lacking");
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
    assert!((0..300).all(|number| has(&store, &block(number))), "an index is enough");
    fs::remove_file(packs[2].with_extension("idx")).unwrap();
    let store = open(dir.path());
    assert!((0..200).all(|number| has(&store, &block(number))));
    let stat = store.stat().unwrap();
    // Its header is not that of an archive.
    assert_eq!((stat.packs, stat.damaged.len()), (2, 1));
    assert!(stat.damaged[0].contains(packs[2].to_str().unwrap()), "{:?}", stat.damaged);
    bytes.clear();
    fs::write(&index, &bytes).unwrap();
    store.collect(0).unwrap();
    assert_eq!(store.stat().unwrap().blocks, 0);
}
