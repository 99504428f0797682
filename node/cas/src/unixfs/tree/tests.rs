//! The mounted tree: what each look costs in blocks, and names that no tree may have.

use super::*;
use crate::unixfs::samples::{Samples, words};
use crate::unixfs::{Meta, MetaKind};

fn names(tree: &DagTree, path: &str) -> Vec<(String, Kind)> {
    tree.list(path).unwrap().into_iter().map(|entry| (entry.name, entry.kind)).collect()
}

#[test]
fn a_tree_is_listed_and_read_and_costs_what_is_looked_at() {
    let samples = Samples::new();
    let raw = samples.raw("raw");
    let big = samples.balanced(b"0123456789", 3, 2);
    let sub = samples.dir(&[("ü", big)]);
    let root = samples.dir(&[("raw", raw), ("sub", sub), ("big", big), ("link", samples.link("sub/ü"))]);
    let tree = samples.tree(&root);
    assert_eq!(samples.taken(), [root]);
    let kinds = [("big", Kind::File), ("link", Kind::Link), ("raw", Kind::File), ("sub", Kind::Dir)];
    assert_eq!(names(&tree, ""), kinds.map(|(name, kind)| (name.into(), kind)));
    assert_eq!(samples.taken().len(), 3, "not the raw one");
    assert_eq!(samples.hints().iter().map(Vec::len).collect::<Vec<_>>(), [3]);
    assert_eq!(names(&tree, "sub"), [("ü".into(), Kind::File)]);
    assert_eq!(names(&tree, ""), kinds.map(|(name, kind)| (name.into(), kind)));
    assert_eq!(tree.stat("sub/ü").unwrap(), Stat::new(Kind::File, 10));
    assert_eq!(tree.stat("link").unwrap(), Stat::new(Kind::Link, 6));
    assert_eq!(tree.stat("sub").unwrap(), Stat::new(Kind::Dir, 0));
    assert_eq!(tree.read_link("link").unwrap(), "sub/ü");
    assert_eq!((samples.taken(), samples.hints()), (vec![], vec![]), "all of it is known");
    let mut buf = [0; 20];
    assert_eq!(tree.open("sub/ü").unwrap().read_at(&mut buf, 0).unwrap(), 10);
    assert_eq!(buf[..10], *b"0123456789");
}

#[test]
fn a_tree_may_begin_below_the_root() {
    let samples = Samples::new();
    let file = samples.raw("hello");
    let sub = samples.dir(&[("file", file)]);
    let root = samples.dir(&[("sub", sub)]);
    for (path, cid) in [("", root), ("sub", sub), ("/sub/", sub), ("sub/file", file)] {
        let tree = samples.open(&root, path).unwrap();
        assert_eq!((*tree.cid(), tree.identity(&Deadline::never()).unwrap()), (cid, cid.to_string()));
    }
    assert_eq!(samples.open(&root, "sub/file").unwrap().size(), Some(5));
    assert_eq!(samples.open(&root, "sub").unwrap().size(), None);
    for path in ["no", "sub/no", "sub/file/no", "sub//file", "sub/../sub", "./sub"] {
        assert!(words(samples.open(&root, path)).contains(&format!("there is no {path} in {root}")));
    }
}

#[test]
fn both_versions_of_a_cid_are_one_tree() {
    let samples = Samples::new();
    let root = samples.dir(&[("a", samples.raw("a"))]);
    let old = Cid::new_v0(*root.hash()).unwrap();
    assert_eq!(samples.tree(&old).identity(&Deadline::never()).unwrap(), root.to_string());
}

#[test]
fn the_wrong_question_is_told_so() {
    let samples = Samples::new();
    let root = samples.dir(&[("file", samples.raw("x")), ("link", samples.link("file"))]);
    let tree = samples.tree(&root);
    assert!(words(tree.list("file")).contains("no directory \"file\""));
    assert!(words(tree.list("link")).contains("no directory \"link\""));
    assert!(words(tree.read_link("file")).contains("no link \"file\""));
    assert!(tree.open("").is_err_and(|error| error.to_string().contains("no file \"\"")));
    assert_eq!(tree.stat("link/x").unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn names_that_lead_elsewhere_spoil_the_directory() {
    let samples = Samples::new();
    let file = samples.raw("x");
    for name in [&b".."[..], b".", b"", b"a/b", b"/etc", b"a\0b", b"\xff\xfe"] {
        let bad = samples.dir(&[(&b"good"[..], file), (name, file)]);
        assert!(
            words(samples.open(&bad, "")).contains(&format!("block {bad} is malformed: the directory has the name"))
        );
        let tree = samples.tree(&samples.dir(&[("sub", bad)]));
        assert!(words(tree.list("")).contains("first block of entry \"sub\""));
    }
    let twice = samples.dir(&[("a", file), ("b", file), ("a", file)]);
    assert!(words(samples.open(&twice, "")).contains(r#"the name "a" is in the directory twice"#));
}

#[test]
fn what_is_no_unixfs_is_refused_by_name() {
    let samples = Samples::new();
    let no_data = samples.blockstore.put(crate::Block::of(crate::Code::DagPb, ""));
    let cbor = Cid::new_v1(0x71, *no_data.hash());
    assert!(words(samples.open(&no_data, "")).contains("without the data of UnixFS"));
    assert!(words(samples.open(&cbor, "")).contains("dag-cbor"));
    assert!(words(samples.open(&samples.node(&Meta::of(MetaKind::Metadata), vec![]), "")).contains("kind Metadata"));
    assert!(words(samples.open(&samples.link(&b"\xff"[..]), "")).contains("target of the link is not UTF-8"));
    let tree = samples.tree(&samples.dir(&[("cbor", cbor), ("file", samples.raw("x"))]));
    assert!(words(tree.list("")).contains("dag-cbor"), "its kind cannot be told");
    assert_eq!(tree.stat("file").unwrap().size, 1);
}

#[test]
fn a_lost_block_of_an_entry_is_named_with_the_entry() {
    let samples = Samples::new();
    let lost = samples.link("target");
    let tree = samples.tree(&samples.dir(&[("lost", lost)]));
    samples.blockstore.remove(&lost);
    let said = words(tree.list(""));
    assert!(said.contains(&lost.to_string()) && said.contains("first block of entry \"lost\""), "{said}");
}

#[test]
fn depth_is_bounded() {
    let samples = Samples::new();
    let mut cid = samples.raw("x");
    for _ in 0..=MAX_PATH_DEPTH {
        cid = samples.dir(&[("d", cid)]);
    }
    let path = |depth| vec!["d"; depth].join("/");
    samples.open(&cid, &path(256)).unwrap();
    assert!(words(samples.open(&cid, &path(257))).contains("more than 256 names"));
    assert!(words(samples.tree(&cid).stat(&path(257))).contains("more than 256 names"));
}

#[test]
fn a_bomb_of_directories_is_listed_once_for_each_block() {
    let samples = Samples::new();
    let mut cid = samples.raw("bomb");
    for _ in 0..10 {
        let entries: Vec<_> = (0..1000).map(|number| (number.to_string(), cid)).collect();
        cid = samples.dir(&entries);
    }
    let tree = samples.tree(&cid);
    for path in ["", "5", "999/0/1/2/3", "7/7/7/7/7/7/7/7/7", "1/1/1/1/1/1/1/1/1"] {
        assert_eq!(tree.list(path).unwrap().len(), 1000);
    }
    assert_eq!(samples.taken().len(), 10);
}

#[test]
fn who_goes_from_entry_to_entry_has_the_next_ones_asked_for() {
    let samples = Samples::new();
    let entries: Vec<_> = (100..300).map(|number| (number.to_string(), samples.raw(number.to_string()))).collect();
    let tree = samples.tree(&samples.dir(&entries));
    tree.list("").unwrap();
    for (name, _) in entries.iter().rev().step_by(7) {
        tree.stat(name).unwrap();
    }
    assert!(samples.hints().is_empty(), "not for those who jump");
    for (name, _) in &entries {
        assert_eq!(tree.stat(name).unwrap().size, 3);
        tree.open(name).unwrap();
    }
    let hints: Vec<_> = samples.hints().concat();
    assert_eq!(samples.taken().len(), 201);
    assert!(hints.len() > 150, "those that were not read before: {}", hints.len());
}
