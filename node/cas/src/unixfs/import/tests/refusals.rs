//! What ends an import, and what is no proof.

use std::io;
use std::sync::Arc;

use multihash::Multihash;

use super::super::buffers::Buffers;
use super::super::leaf::{Leaf, Source};
use super::super::{Finding, Profile, Proof, import, import_reader, prove};
use super::trees::{Item, Opened};
use super::vectors::pattern;
use crate::dag_pb::Node;
use crate::memory::MemoryBlockstore;
use crate::unixfs::{Meta, MetaKind};
use crate::{Block, Cid, Code, DataError, IDENTITY, RAW};

#[test]
fn a_file_whose_length_changes_is_an_error() {
    let layout = Profile::KuboCidV1.layout();
    for (said, is, whole) in [(4, 4, true), (4, 3, false), (4, 5, false)] {
        let source = Source::At(Arc::new(Opened(pattern(is).into())), 0);
        let mut leaf = Leaf { path: "a/b".into(), source, length: said, last: Some("b".into()) };
        match leaf.block(layout, &Buffers::new(layout.chunk_bytes)) {
            Ok(block) => assert!(whole && block.bytes().len() == said),
            Err(error) => {
                assert!(!whole && error.to_string().starts_with("cannot read a/b to import it: its length changed"));
            }
        }
    }
}

#[test]
fn a_sink_that_fails_ends_the_import() {
    let tree = Item::dir((0..9).map(|i| (format!("{i}"), Item::file(format!("{i}")))));
    let mut taken = 0;
    let mut sink = |block: Block| {
        taken += 1;
        if taken == 3 { Err(DataError::corrupt(block.cid(), "the disk is full")) } else { Ok(()) }
    };
    let error = import(&tree, Profile::default(), &mut sink).unwrap_err();
    assert!(error.to_string().contains("the disk is full"));
    assert_eq!(taken, 3);
}

#[test]
fn a_reader_that_fails_ends_the_import() {
    struct Broken;
    impl io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the line is dead"))
        }
    }
    let error = import_reader(&mut Broken, Profile::default(), &mut |_: Block| Ok(())).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the data to import: the line is dead");
}

/// What is found where no blocks are at hand.
fn found(tree: &Item, cid: &Cid) -> Finding {
    prove(tree, cid, Arc::<MemoryBlockstore>::default()).unwrap()
}

fn disproof(finding: Finding) -> String {
    let Finding::Disproved(why) = finding else { panic!("{finding:?}") };
    why
}

#[test]
fn a_cid_of_plain_bytes_proves_or_disproves_every_tree() {
    let bytes = pattern(1_500_000);
    let cid = *Block::of(Code::Raw, bytes.clone()).cid();
    assert_eq!(found(&Item::file(bytes.clone()), &cid), Finding::Proved(Proof::Hash));
    let shorter = *Block::of(Code::Raw, bytes[1..].to_vec()).cid();
    let why = disproof(found(&Item::file(bytes[1..].to_vec()), &cid));
    assert_eq!(why, format!("it is a file of 1499999 bytes with the CID {shorter}"));
    assert!(disproof(found(&Item::dir::<&str>([]), &cid)).starts_with("it is a directory"));
    assert!(disproof(found(&Item::Link("x".into()), &cid)).starts_with("it is a symbolic link"));
    // More than a block may have: nobody exchanges it, but a file can be it.
    let large = pattern((2 << 20) + 1);
    let cid_of_large = *Block::of(Code::Raw, large.clone()).cid();
    assert_eq!(found(&Item::file(large.clone()), &cid_of_large), Finding::Proved(Proof::Hash));
    assert!(disproof(found(&Item::file(large), &cid)).contains("a file of 2097153 bytes"));
    let inline = Cid::new_v1(RAW, Multihash::wrap(IDENTITY, b"abc").unwrap());
    assert_eq!(found(&Item::file("abc"), &inline), Finding::Proved(Proof::Hash));
    assert!(disproof(found(&Item::file("abd"), &inline)).contains("a file of 3 bytes"));
    assert!(disproof(found(&Item::file(pattern(200)), &inline)).contains("more bytes than the CID holds"));
    let cbor = Cid::new_v1(0x71, *cid.hash());
    let error = prove(&Item::file("abc"), &cbor, Arc::<MemoryBlockstore>::default()).unwrap_err();
    assert!(error.to_string().contains("dag-cbor"), "{error}");
}

#[test]
fn files_are_proved_by_the_profile_that_made_them() {
    for size in [0, 5, 262_144, 262_145, 1_048_576, 1_048_577] {
        let tree = Item::file(pattern(size));
        for profile in Profile::ALL {
            let cid = import(&tree, profile, &mut |_: Block| Ok(())).unwrap().cid;
            let plain = Code::of(&cid).unwrap() == Code::Raw;
            let expected = if plain { Proof::Hash } else { Proof::Profile(profile) };
            assert_eq!(found(&tree, &cid), Finding::Proved(expected), "{profile}, {size} bytes");
            let other = found(&Item::file(pattern(size + 1)), &cid);
            // Another profile, which nobody knows, may cut these other bytes into a node with this hash.
            assert_eq!(matches!(other, Finding::Disproved(_)), plain, "{profile}, {size} bytes: {other:?}");
        }
    }
}

#[test]
fn blocks_that_are_at_hand_prove_and_disprove() {
    let blockstore = Arc::new(MemoryBlockstore::default());
    let tree =
        |big: Vec<u8>| Item::dir([("a", Item::file("a")), ("big", Item::file(big)), ("l", Item::Link("a".into()))]);
    let right = tree(pattern(600_000));
    let mut sink = |block: Block| {
        blockstore.put(block);
        Ok(())
    };
    let cid = import(&right, Profile::UnixfsV12025, &mut sink).unwrap().cid;
    let find = |tree: &Item| prove(tree, &cid, Arc::clone(&blockstore) as _).unwrap();
    assert_eq!(find(&right), Finding::Proved(Proof::BlockSource));
    let mut other = pattern(600_000);
    other[599_999] ^= 1;
    let with = |name: &str, item: Item| {
        let Item::Dir(mut entries) = tree(pattern(600_000)) else { panic!("it is a directory") };
        entries.insert(name.into(), item);
        Item::Dir(entries)
    };
    for (wrong, why) in [
        (Item::file("a"), "it is a file, and the CID names a directory"),
        (with("b", Item::file("")), "it has \"b\", and the CID names no such entry"),
        (Item::dir([("a", Item::file("a"))]), "it lacks \"big\", which the CID names"),
        (with("a", Item::dir::<&str>([])), "\"a\" in it is a directory, and the CID names a file"),
        (with("a", Item::file("aa")), "\"a\" in it has 2 bytes, and the CID names a file of 1"),
        (with("a", Item::file("b")), "\"a\" in it differs from the data of the CID"),
        (with("l", Item::Link("b".into())), "\"l\" in it is a link to another place"),
        (tree(other.clone()), "\"big\" in it differs from the data of the CID"),
    ] {
        let said = disproof(find(&wrong));
        assert!(said.contains(why), "{said}");
    }
    // Of a file whose block is not there only the name and the kind are known.
    let big = *Block::of(Code::Raw, pattern(600_000)).cid();
    blockstore.remove(&big);
    assert_eq!(find(&right), Finding::Proved(Proof::Profile(Profile::UnixfsV12025)));
    assert_eq!(find(&tree(other)), Finding::Open);
    assert!(disproof(find(&with("b", Item::file("")))).contains("no such entry"));
    blockstore.remove(&cid);
    assert_eq!(find(&with("b", Item::file(""))), Finding::Open);
}

#[test]
fn a_node_in_its_own_cid_is_at_hand() {
    let node = Meta { data: Some("abc".into()), file_size: Some(3), ..Meta::of(MetaKind::File) };
    let block = Node { links: Vec::new(), data: Some(node.encode().into()) }.encode();
    let cid = Cid::new_v1(Code::DagPb.number(), Multihash::wrap(IDENTITY, &block).unwrap());
    assert_eq!(found(&Item::file("abc"), &cid), Finding::Proved(Proof::BlockSource));
    assert!(disproof(found(&Item::file("abd"), &cid)).contains("differs"));
    assert!(disproof(found(&Item::file("abcd"), &cid)).contains("has 4 bytes"));
}
