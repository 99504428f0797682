//! CIDs that `ipfs-unixfs-importer` gave, of which real kubo confirmed those of unixfs-v0-2015. The file beside this
//! folder says of each what was imported.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::super::{Finding, Imported, Profile, Proof, import, import_reader, prove};
use super::trees::Item;
use crate::memory::MemoryBlockstore;
use crate::{Block, Cid, canonical};

#[derive(Deserialize)]
struct Vectors {
    files: Vec<FileVector>,
    dirs: Vec<DirVector>,
    symlinks: Vec<LinkVector>,
}

#[derive(Deserialize)]
struct FileVector {
    size: usize,
    cids: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct DirVector {
    name: String,
    cids: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
struct LinkVector {
    target: String,
    cidv1: String,
    cidv0: String,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Expected {
    cid: String,
    blocks: usize,
    block_bytes: u64,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors.json")).unwrap()
}

/// The bytes of the vectors' files.
pub(super) fn pattern(size: usize) -> Vec<u8> {
    let byte = |i: u32| (i.wrapping_mul(31) ^ (i >> 8) ^ (i >> 16) ^ (i >> 24)).to_le_bytes()[0];
    (0..u32::try_from(size).unwrap()).map(byte).collect()
}

/// Imports and says what the vectors say, where equal blocks count once.
fn imported(tree: &Item, profile: Profile) -> (Imported, Expected) {
    let (blockstore, mut block_bytes) = (MemoryBlockstore::default(), 0);
    let mut sink = |block: Block| {
        let length = block.bytes().len() as u64;
        let before = blockstore.len();
        blockstore.put(block);
        if blockstore.len() > before {
            block_bytes += length;
        }
        Ok(())
    };
    let imported = import(tree, profile, &mut sink).unwrap();
    (imported, Expected { cid: imported.cid.to_string(), blocks: blockstore.len(), block_bytes })
}

fn check(tree: &Item, expected: &BTreeMap<String, Expected>) {
    assert_eq!(expected.len(), Profile::ALL.len());
    for (profile, expected) in expected {
        let (imported, got) = imported(tree, profile.parse().unwrap());
        assert_eq!(&got, expected, "{profile}");
        assert!(imported.blocks >= got.blocks as u64 && imported.total_size >= got.block_bytes);
    }
}

#[test]
fn files_have_the_cids_that_other_tools_give_them() {
    for file in vectors().files {
        let bytes = pattern(file.size);
        for (profile, expected) in &file.cids {
            let profile = profile.parse().unwrap();
            let read = import_reader(&mut &bytes[..], profile, &mut |_: Block| Ok(())).unwrap();
            assert_eq!((read.cid.to_string(), read.bytes), (expected.cid.clone(), bytes.len() as u64));
        }
        check(&Item::file(bytes), &file.cids);
    }
}

#[test]
fn directories_have_the_cids_that_other_tools_give_them() {
    for dir in vectors().dirs {
        check(&tree_of(&dir.name), &dir.cids);
    }
}

fn tree_of(name: &str) -> Item {
    match name {
        "nested" => Item::dir([
            ("a.txt", Item::file("a\n")),
            (
                "sub",
                Item::dir([
                    ("b.bin", Item::file(pattern(300_000))),
                    ("deep", Item::dir([("c.txt", Item::file("ccc"))])),
                ]),
            ),
            ("z.bin", Item::file(pattern(1_048_577))),
        ]),
        "unicode" => {
            let names = ["\u{fc}n\u{ef}.txt", "日本語", "emoji-😀.txt", "a b", "Z", "a", ".hidden"];
            Item::dir(names.map(|name| (name, Item::file(name))))
        }
        "empty-dir" => Item::dir::<&str>([]),
        "with-empty-sub" => Item::dir([("x", Item::file("x")), ("empty", Item::dir::<&str>([]))]),
        "many-1000" => many(1000, 11),
        "many-5000-11" => many(5000, 11),
        "many-6000-40" => many(6000, 40),
        other => panic!("nobody wrote down how to build {other}"),
    }
}

pub(super) fn many(count: usize, width: usize) -> Item {
    Item::dir((0..count).map(|i| (format!("{i:0width$}"), Item::file(format!("n{i}")))))
}

#[test]
fn links_have_the_cids_that_other_tools_give_them() {
    for link in vectors().symlinks {
        let tree = Item::Link(link.target);
        let cid = |profile| imported(&tree, profile).1.cid;
        assert_eq!(cid(Profile::UnixfsV02015), link.cidv0);
        assert_eq!(cid(Profile::KuboCidV1), link.cidv1);
        assert_eq!(cid(Profile::UnixfsV12025), link.cidv1);
    }
}

#[test]
fn trees_are_proved_by_the_profile_that_made_them() {
    for dir in vectors().dirs.iter().filter(|dir| dir.name != "many-6000-40") {
        let tree = tree_of(&dir.name);
        for (profile, expected) in &dir.cids {
            let cid: Cid = expected.cid.parse().unwrap();
            let find = |tree: &Item, cid| prove(tree, cid, Arc::<MemoryBlockstore>::default()).unwrap();
            let Finding::Proved(Proof::Profile(proved)) = find(&tree, &cid) else { panic!("{} {profile}", dir.name) };
            // Where profiles agree, any of them will do.
            assert_eq!(dir.cids[proved.name()].cid, expected.cid);
            let canonical = canonical(&cid);
            let proved = find(&tree, &canonical);
            assert!(matches!(proved, Finding::Proved(Proof::Profile(_))));
            assert_eq!(find(&Item::dir([("other", Item::file("x"))]), &cid), Finding::Open);
            assert_eq!(find(&Item::file("x"), &cid), Finding::Open);
        }
    }
}

#[test]
fn links_and_nested_shards_are_those_of_kubo() {
    // Added by kubo 0.22.
    let links = Item::dir([
        ("dangling", Item::Link("../../etc/hostname".into())),
        ("empty", Item::dir::<&str>([])),
        ("l1", Item::Link("a.txt".into())),
        ("\u{fc}", Item::Link("\u{fc}n\u{ef}".into())),
    ]);
    assert_eq!(imported(&links, Profile::UnixfsV02015).1.cid, "QmVDuxGyUydBHBNe34H5HZ3JDGupWG6xj4x5FFdLV1Fvgb");
    let inner = (0..9000).map(|i| (format!("{i:030}"), Item::file(format!("{}", i % 7))));
    let mut shards: BTreeMap<_, _> =
        (0..7000).map(|i| (format!("日本語-{i:020}"), Item::file(i.to_string()))).collect();
    shards.insert("inner".into(), Item::dir(inner));
    let cid = imported(&Item::Dir(shards), Profile::UnixfsV02015).1.cid;
    assert_eq!(cid, "QmcQWKNZqC7B7Ppj3QXMhfihGg5zqx8oenReCn3ohtMjeg");
}
