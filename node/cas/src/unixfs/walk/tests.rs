//! Walks: order, scopes, bounds, and what is asked ahead.

use super::*;
use crate::unixfs::samples::{Samples, pattern, words};

fn walk(samples: &Arc<Samples>, root: &Cid, scope: Scope) -> Vec<Cid> {
    let blocks = Walk::new(samples.clone(), root, scope, Bounds::default());
    blocks.map(|block| block.unwrap().0).collect()
}

#[test]
fn each_block_comes_once_before_those_below_it() {
    let samples = Samples::new();
    let (x, y) = (samples.raw("x"), samples.raw("y"));
    let file = samples.file(&[(x, 1), (y, 1), (x, 1)]);
    let sub = samples.dir(&[("y", y), ("file", file)]);
    let root = samples.dir(&[("a", sub), ("b", file), ("c", x)]);
    assert_eq!(walk(&samples, &root, Scope::All), [root, sub, y, file, x]);
    assert_eq!(walk(&samples, &root, Scope::Entity), [root]);
    assert_eq!(walk(&samples, &file, Scope::Entity), [file, x, y]);
    assert_eq!(walk(&samples, &file, Scope::Block), [file]);
    assert_eq!(walk(&samples, &x, Scope::All), [x]);
    let link = samples.link("a");
    assert_eq!(walk(&samples, &link, Scope::Entity), [link]);
}

#[test]
fn the_entity_of_a_large_directory_is_its_shards() {
    let samples = Samples::new();
    let root = crate::unixfs::hamt::tests::helia(&samples);
    let (all, entity) = (walk(&samples, &root, Scope::All), walk(&samples, &root, Scope::Entity));
    assert_eq!((all.len(), entity.len()), (246, 239));
    assert!(entity.iter().all(|cid| Code::of(cid).unwrap() == Code::DagPb));
}

#[test]
fn what_comes_is_asked_for_once_and_not_all_at_once() {
    let samples = Samples::new();
    let root = samples.balanced(&pattern(2_000_000), 100, 174);
    let visited = walk(&samples, &root, Scope::All);
    let hints = samples.hints();
    let asked: Vec<_> = hints.iter().flatten().copied().collect();
    let distinct: HashSet<_> = asked.iter().collect();
    assert_eq!(distinct.len(), visited.len() - 1, "all but the root");
    assert!(asked.len() < visited.len() + 200, "{} for {}", asked.len(), visited.len());
    assert!(hints.iter().all(|hint| hint.len() <= 1024));
}

#[test]
fn bounds_hold() {
    let samples = Samples::new();
    let root = samples.balanced(&pattern(1000), 10, 5);
    let fails = |bounds| {
        let walk = Walk::new(samples.clone(), &root, Scope::All, bounds);
        let blocks: Vec<_> = walk.collect();
        assert!(blocks[..blocks.len() - 1].iter().all(Result::is_ok), "it ends after the first error");
        words(blocks.into_iter().next_back().unwrap())
    };
    assert!(fails(Bounds { max_blocks: 20, ..Bounds::default() }).contains("more than 20 blocks"));
    assert!(fails(Bounds { max_bytes: 900, ..Bounds::default() }).contains("more than 900 bytes"));
    let deep = fails(Bounds { max_depth: 2, ..Bounds::default() });
    assert!(deep.contains("DAG depth exceeds 2") && deep.contains(&root.to_string()));
}

#[test]
fn a_bomb_is_as_large_as_its_blocks() {
    let samples = Samples::new();
    let mut cid = samples.raw("bomb");
    for _ in 0..10 {
        let entries: Vec<_> = (0..1000).map(|number| (number.to_string(), cid)).collect();
        cid = samples.dir(&entries);
    }
    assert_eq!(walk(&samples, &cid, Scope::All).len(), 11);
}

#[test]
fn a_lost_block_or_a_strange_one_ends_the_walk() {
    let samples = Samples::new();
    let lost = samples.raw("lost");
    let json = Cid::new_v1(0x0129, *lost.hash());
    let (good, strange) = (samples.dir(&[("lost", lost)]), samples.dir(&[("json", json)]));
    samples.blockstore.remove(&lost);
    let said = |root| words(Walk::new(samples.clone(), &root, Scope::All, Bounds::default()).nth(1).unwrap());
    assert!(said(good).contains(&format!("block {lost} is missing")));
    samples.raw("lost");
    assert!(said(strange).contains("codec dag-json"));
}
