//! Files: reads at every position, what is asked ahead, and lengths that lie.

use bacalhau_tree::Tree;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::unixfs::samples::{Samples, link, pattern, words};
use crate::unixfs::{DagTree, Meta, MetaKind};

fn read(tree: &DagTree, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut buf = vec![0; length];
    let read = tree.open("")?.read_at(&mut buf, offset)?;
    buf.truncate(read);
    Ok(buf)
}

#[test]
fn every_kind_of_file_is_read() {
    let samples = Samples::new();
    let data = |kind, text: &'static str| Meta { data: Some(text.into()), ..Meta::of(kind) };
    let inline = Meta { file_size: Some(5), ..data(MetaKind::File, "hello") };
    let mixed = Meta { block_sizes: vec![6], file_size: Some(11), ..data(MetaKind::File, "hello") };
    let world = samples.node(&data(MetaKind::Raw, " world"), vec![]);
    let identity = Cid::new_v1(0x55, multihash::Multihash::wrap(0, b"in the CID").unwrap());
    let table = [
        (samples.raw("raw"), "raw"),
        (samples.raw(""), ""),
        (samples.node(&Meta::of(MetaKind::File), vec![]), ""),
        (samples.node(&inline, vec![]), "hello"),
        (world, " world"),
        (samples.node(&mixed, vec![link("", world)]), "hello world"),
        (identity, "in the CID"),
        (samples.file(&[(identity, 10), (samples.raw(""), 0), (world, 6)]), "in the CID world"),
    ];
    for (cid, text) in table {
        let tree = samples.tree(&cid);
        assert_eq!((tree.size(), tree.stat("").unwrap().size), (Some(text.len() as u64), text.len() as u64));
        assert_eq!(read(&tree, 0, 100).unwrap(), text.as_bytes());
        assert_eq!(read(&tree, 100, 1).unwrap(), b"");
        assert_eq!(read(&tree, u64::MAX, 1).unwrap(), b"");
    }
}

#[test]
fn what_a_node_says_of_itself_must_hold() {
    let samples = Samples::new();
    let part = (samples.raw("12345"), 5);
    let table = [
        (samples.file_saying(&[part], 6, vec![5]), "says that the file has 6 bytes, but its parts have 5"),
        (samples.file_saying(&[part, part], 5, vec![5]), "has 2 links and 1 sizes"),
        (samples.file_saying(&[part], 10, vec![5, 5]), "has 1 links and 2 sizes"),
        (samples.file(&[(part.0, u64::MAX), (part.0, 1)]), "more than a file can have"),
    ];
    for (cid, why) in table {
        let said = words(samples.open(&cid, ""));
        assert!(said.contains(why) && said.contains(&cid.to_string()), "{said}");
    }
}

#[test]
fn what_is_said_of_a_part_must_hold_when_it_is_read() {
    let samples = Samples::new();
    let (good, dir) = (samples.raw("12345"), samples.dir::<&str>(&[]));
    for (bad, size, why) in [
        (good, 4, "holds 5 bytes of the file, but the block above it says 4"),
        (good, 6, "holds 5 bytes of the file, but the block above it says 6"),
        (samples.file(&[(good, 5)]), 6, "holds 5 bytes"),
        (dir, 5, "is not a part of a file"),
        (samples.link("12345"), 5, "is not a part of a file"),
    ] {
        let tree = samples.tree(&samples.file(&[(good, 5), (bad, size)]));
        assert_eq!(read(&tree, 0, 5).unwrap(), b"12345", "the part before it can be read");
        let said = words(read(&tree, 0, 7));
        assert!(said.contains(why) && said.contains(&bad.to_string()), "{said}");
    }
}

#[test]
fn a_missing_block_is_named_and_the_rest_can_be_read() {
    let samples = Samples::new();
    let bytes = pattern(1000);
    let root = samples.balanced(&bytes, 10, 5);
    let lost = *crate::Block::of(Code::Raw, bytes[500..510].to_vec()).cid();
    samples.blockstore.remove(&lost);
    let tree = samples.tree(&root);
    assert_eq!(read(&tree, 0, 500).unwrap(), bytes[..500]);
    assert_eq!(read(&tree, 510, 500).unwrap(), bytes[510..]);
    let error = read(&tree, 499, 2).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains(&format!("block {lost} is missing")));
}

#[test]
fn sizes_that_lie_do_not_overflow() {
    let samples = Samples::new();
    let x = samples.raw("x");
    let liar = samples.file(&[(x, u64::MAX - 1), (x, 1)]);
    let root = samples.file(&[(x, 1 << 63), (liar, 1 << 62)]);
    let file = samples.tree(&root).open("").unwrap();
    for at in [(1 << 63) - 1, 1 << 63, (1 << 63) + 100, (1 << 63) + (1 << 62) - 10] {
        for _ in 0..3 {
            let said = words(file.read_at(&mut [0; 100], at));
            assert!(said.contains("but the block above it says"), "{said}");
        }
    }
}

#[test]
fn depth_is_bounded() {
    let samples = Samples::new();
    let mut cid = samples.raw("x");
    for _ in 0..MAX_FILE_DEPTH {
        cid = samples.file(&[(cid, 1)]);
    }
    assert_eq!(read(&samples.tree(&cid), 0, 9).unwrap(), b"x");
    let deeper = samples.file(&[(cid, 1)]);
    assert!(words(read(&samples.tree(&deeper), 0, 9)).contains("more than 32 blocks above it"));
}

#[test]
fn a_bomb_is_read_where_it_is_read() {
    let samples = Samples::new();
    let (mut cid, mut size) = (samples.raw("bomb"), 4);
    for _ in 0..6 {
        cid = samples.file(&vec![(cid, size); 1000]);
        size *= 1000;
    }
    let tree = samples.tree(&cid);
    assert_eq!(samples.taken().len(), 1);
    assert_eq!(tree.size(), Some(4_000_000_000_000_000_000));
    assert_eq!(read(&tree, 3_999_999_999_999_999_998, 10).unwrap(), b"mb");
    let file = tree.open("").unwrap();
    let mut buf = [0; 1000];
    for at in 0..1000 {
        file.read_at(&mut buf, at * 1000).unwrap();
    }
    assert!(samples.hints().iter().all(|hint| hint.len() <= MAX_ASKED));
    assert!(samples.taken().len() < 2000, "one block for each level but for whole leaves");
}

#[test]
fn random_access_reads_one_way_down_and_asks_for_nothing_more() {
    let samples = Samples::new();
    let root = samples.balanced(&pattern(100_000), 100, 10);
    let file = samples.tree(&root).open("").unwrap();
    samples.taken();
    for at in [90_010, 10_020, 50_030] {
        assert_eq!(file.read_at(&mut [0; 50], at).unwrap(), 50);
        assert_eq!(samples.taken().len(), 3, "two inner nodes and a leaf");
    }
    file.read_at(&mut [0; 50], 10_030).unwrap();
    assert_eq!(samples.taken().len(), 0, "all of it was kept");
    assert!(samples.hints().is_empty());
}

#[test]
fn reading_in_sequence_asks_ahead_once_for_each_block() {
    let samples = Samples::new();
    let bytes = pattern(20_000_000);
    // Inner nodes of 2.5 MB, which are known for inner ones by their size.
    let root = samples.balanced(&bytes, 25_000, 100);
    let file = samples.tree(&root).open("").unwrap();
    let (mut buf, mut most) = ([0; 10_000], 0);
    for at in (0..bytes.len()).step_by(buf.len()) {
        assert_eq!(file.read_at(&mut buf, at as u64).unwrap(), buf.len());
        assert_eq!(buf[..], bytes[at..at + buf.len()]);
        most = most.max(samples.hints().into_iter().flatten().count());
    }
    let got = samples.taken();
    let distinct: std::collections::HashSet<_> = got.iter().collect();
    assert!(got.len() == distinct.len() && distinct.len() > 800);
    assert!(most > 100, "the window grew: {most}");
}

#[test]
fn one_large_read_asks_for_all_of_it_and_no_more() {
    let samples = Samples::new();
    let bytes = pattern(100_000);
    let root = samples.balanced(&bytes, 100, 1000);
    let tree = samples.tree(&root);
    assert_eq!(read(&tree, 20_000, 50_000).unwrap(), bytes[20_000..70_000]);
    assert_eq!(samples.hints().iter().map(Vec::len).collect::<Vec<_>>(), [500]);
}

#[test]
fn many_threads_read_one_file() {
    let samples = Samples::new();
    let bytes = pattern(200_000);
    let root = samples.balanced(&bytes, 1000, 7);
    let file = samples.tree(&root).open("").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (file, bytes) = (&file, &bytes);
            scope.spawn(move || {
                let mut buf = [0; 700];
                for at in (thread * 700..bytes.len()).step_by(2800) {
                    let read = file.read_at(&mut buf, at as u64).unwrap();
                    assert_eq!(buf[..read], bytes[at..(at + 700).min(bytes.len())]);
                }
            });
        }
    });
}

#[derive(Clone, Debug)]
enum Part {
    Raw(Vec<u8>),
    Inner(Vec<u8>, Vec<Part>),
}

fn parts() -> impl Strategy<Value = Part> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..20);
    bytes().prop_map(Part::Raw).prop_recursive(5, 60, 6, move |part| {
        (bytes(), proptest::collection::vec(part, 0..6)).prop_map(|(inline, parts)| Part::Inner(inline, parts))
    })
}

fn store(samples: &Samples, part: &Part, all: &mut Vec<u8>) -> Cid {
    let before = all.len();
    match part {
        Part::Raw(bytes) => {
            all.extend(bytes);
            samples.raw(bytes.clone())
        }
        Part::Inner(inline, parts) => {
            all.extend(inline);
            let (mut links, mut block_sizes) = (vec![], vec![]);
            for part in parts {
                let start = all.len();
                links.push(link("", store(samples, part, all)));
                block_sizes.push((all.len() - start) as u64);
            }
            let data = Some(Bytes::copy_from_slice(inline));
            let file_size = Some((all.len() - before) as u64);
            samples.node(&Meta { data, file_size, block_sizes, ..Meta::of(MetaKind::File) }, links)
        }
    }
}

proptest! {
    #[test]
    fn any_tree_gives_its_bytes(part in parts(), reads: Vec<(u8, u8)>) {
        let samples = Samples::new();
        let mut all = Vec::new();
        let root = store(&samples, &part, &mut all);
        let file = samples.tree(&root).open("").unwrap();
        for (offset, length) in reads {
            let mut buf = vec![0; length.into()];
            let read = file.read_at(&mut buf, offset.into()).unwrap();
            let expected = &all[all.len().min(offset.into())..];
            prop_assert_eq!(&buf[..read], &expected[..expected.len().min(length.into())]);
        }
    }
}
