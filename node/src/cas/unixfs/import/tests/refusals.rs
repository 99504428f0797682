//! What ends an import, and what is no proof.

use std::io;
use std::sync::Arc;

use cid::Cid;
use multihash::Multihash;

use super::super::buffers::Buffers;
use super::super::leaf::{Leaf, Source};
use super::super::{Profile, Proof, import, import_reader, prove};
use super::trees::{Item, Opened};
use super::vectors::pattern;
use crate::cas::{Block, Code, DataError, IDENTITY, RAW};

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
    assert_eq!(error.to_string(), "cannot read what to import: the line is dead");
}

#[test]
fn plain_blocks_prove_files() {
    let bytes = pattern(1_500_000);
    let cid = *Block::of(Code::Raw, bytes.clone()).cid();
    assert_eq!(prove(&Item::file(bytes.clone()), &cid).unwrap(), Some(Proof::Block));
    assert_eq!(prove(&Item::file(bytes[1..].to_vec()), &cid).unwrap(), None);
    assert_eq!(prove(&Item::file(pattern((2 << 20) + 1)), &cid).unwrap(), None);
    assert_eq!(prove(&Item::dir::<&str>([]), &cid).unwrap(), None);
    let inline = Cid::new_v1(RAW, Multihash::wrap(IDENTITY, b"abc").unwrap());
    assert_eq!(prove(&Item::file("abc"), &inline).unwrap(), Some(Proof::Block));
    assert_eq!(prove(&Item::file("abd"), &inline).unwrap(), None);
    let cbor = Cid::new_v1(0x71, *cid.hash());
    assert!(prove(&Item::file("abc"), &cbor).unwrap_err().to_string().contains("dag-cbor"));
}

#[test]
fn files_are_proved_by_the_profile_that_made_them() {
    for size in [0, 5, 262_144, 262_145, 1_048_576, 1_048_577] {
        let tree = Item::file(pattern(size));
        for profile in Profile::ALL {
            let cid = import(&tree, profile, &mut |_: Block| Ok(())).unwrap().cid;
            let plain = Code::of(&cid).unwrap() == Code::Raw;
            let expected = if plain { Proof::Block } else { Proof::Profile(profile) };
            assert_eq!(prove(&tree, &cid).unwrap(), Some(expected), "{profile}, {size} bytes");
            let other = Item::file(pattern(size + 1));
            assert_eq!(prove(&other, &cid).unwrap(), None, "{profile}, {size} bytes");
        }
    }
}
