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
    for store in [store, open(dir.path())] {
        assert!(has(&store, &block(1)));
        let error = store.find(block(2).cid()).unwrap_err();
        assert!(matches!(&error, DataError::Corrupt { cid, .. } if **cid == *block(2).cid()), "{error}");
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
