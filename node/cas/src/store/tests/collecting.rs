//! What stays, what goes, and a store that is full.

use super::*;

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
    for number in 0..150 {
        [&store, &other][number as usize % 2].put(&[block(number)]).unwrap();
        assert!(packs(dir.path()).len() <= 65);
    }
    for store in [store, other, open(dir.path())] {
        assert!((0..150).all(|number| has(&store, &block(number))));
        assert_eq!(store.stat().unwrap().blocks, 150);
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
