//! Imports read back with nothing but the decoders, which check every hash, name and count on the way, and imported
//! again from where they are mounted.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::Profile;
use super::trees::Item;
use super::vectors::many;
use super::{import_by, tiny};
use crate::dag_pb::{Link, Node};
use crate::memory::MemoryBlockstore;
use crate::unixfs::{DagTree, Meta, MetaKind};
use crate::{Block, BlockSource, Cid, Code};

/// What is at `cid`, and the bytes of all its blocks.
fn read(blockstore: &MemoryBlockstore, cid: &Cid) -> (Item, u64) {
    let bytes = blockstore.get(cid).unwrap();
    let length = bytes.len() as u64;
    Block::new(*cid, bytes.clone()).unwrap();
    if Code::of(cid).unwrap() == Code::Raw {
        return (Item::File(bytes), length);
    }
    let node = Node::decode(cid, bytes).unwrap();
    assert!(node.links.is_sorted_by(|a, b| a.name < b.name || a.name.is_empty()), "{node:?}");
    let total_size = length + node.links.iter().map(|link| link.total_size).sum::<u64>();
    let meta = Meta::decode(node.data.clone().unwrap()).unwrap();
    let below = |link: &Link| {
        let (item, size) = read(blockstore, &link.cid);
        assert_eq!(size, link.total_size);
        item
    };
    let item = match meta.kind {
        MetaKind::File => file(&meta, node.links.iter().map(below).collect()),
        MetaKind::Symlink => Item::Link(String::from_utf8(meta.data.unwrap().to_vec()).unwrap()),
        MetaKind::Directory => Item::dir(node.links.iter().map(|link| (name(link, 0), below(link)))),
        MetaKind::HamtShard => {
            assert_eq!((meta.hash, meta.fanout), (Some(0x22), Some(256)));
            let mut all = Vec::new();
            for link in &node.links {
                match (name(link, 2), below(link)) {
                    (name, Item::Dir(shard)) if name.is_empty() => all.extend(shard),
                    (name, item) => all.push((name, item)),
                }
            }
            Item::dir(all)
        }
        other => panic!("nobody imports {other:?}"),
    };
    (item, total_size)
}

fn name(link: &Link, skip: usize) -> String {
    String::from_utf8(link.name[skip..].to_vec()).unwrap()
}

fn file(meta: &Meta, parts: Vec<Item>) -> Item {
    let mut all = meta.data.clone().unwrap_or_default().to_vec();
    assert_eq!(parts.len(), meta.block_sizes.len());
    for (part, size) in parts.into_iter().zip(&meta.block_sizes) {
        let Item::File(part) = part else { panic!("a part of a file is {part:?}") };
        assert_eq!(part.len() as u64, *size);
        all.extend_from_slice(&part);
    }
    assert_eq!(meta.file_size, Some(all.len() as u64));
    Item::file(all)
}

fn trees() -> impl Strategy<Value = Item> {
    let leaf = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80).prop_map(Item::file),
        "[a-z./]{1,20}".prop_map(Item::Link),
    ];
    leaf.prop_recursive(4, 40, 6, |item| {
        proptest::collection::btree_map("[a-zäß ]{1,4}", item, 0..6).prop_map(Item::Dir)
    })
}

proptest! {
    #[test]
    fn what_was_imported_is_what_is_read(tree in trees()) {
        for profile in Profile::ALL {
            let (imported, blockstore) = import_by(&tree, tiny(profile));
            prop_assert_eq!(read(&blockstore, &imported.cid), (tree.clone(), imported.total_size));
            let mounted = DagTree::open(Arc::new(blockstore), &imported.cid, "").unwrap();
            prop_assert_eq!(import_by(&mounted, tiny(profile)).0, imported);
        }
    }
}

#[test]
fn shards_hold_every_name_once() {
    let tree = many(6000, 40);
    for profile in Profile::ALL {
        let (imported, blockstore) = import_by(&tree, profile.layout());
        assert_eq!(read(&blockstore, &imported.cid), (tree.clone(), imported.total_size));
        let mounted = DagTree::open(Arc::new(blockstore), &imported.cid, "").unwrap();
        assert_eq!(import_by(&mounted, profile.layout()).0, imported);
    }
}

#[test]
fn a_directory_is_spread_over_shards_above_its_bound_only() {
    // By links: 36 bytes of CID and 28 of name make 64 each, and 4096 of them are the bound.
    let sharded = |tree: &Item, profile: Profile| {
        let (imported, blockstore) = import_by(tree, profile.layout());
        let node = Node::decode(&imported.cid, blockstore.get(&imported.cid).unwrap()).unwrap();
        Meta::decode(node.data.unwrap()).unwrap().kind == MetaKind::HamtShard
    };
    assert!(!sharded(&many(4096, 28), Profile::KuboCidV1));
    assert!(sharded(&many(4097, 28), Profile::KuboCidV1));
    // By the block: 2 bytes of the link, 38 of its CID, 30 of its name, 2 of its size; 4 more for what it is.
    let with = |last: &str| {
        let Item::Dir(mut entries) = many((262_144 - 4) / 72, 28) else { unreachable!("many files are a directory") };
        entries.insert(last.into(), Item::file("n"));
        Item::Dir(entries)
    };
    assert!(!sharded(&with(&"x".repeat(16)), Profile::UnixfsV12025));
    assert!(sharded(&with(&"x".repeat(17)), Profile::UnixfsV12025));
}
