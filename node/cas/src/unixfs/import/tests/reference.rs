//! Files of every length around the bounds of chunks and nodes, against the tree built level by level as it is told.

use super::super::{Layout, Profile, import};
use super::trees::Item;
use super::vectors::pattern;
use super::{import_by, tiny};
use crate::dag_pb::{Link, Node};
use crate::unixfs::{Meta, MetaKind};
use crate::{Block, Cid, Code};

/// What a level of the tree holds: CID, bytes of all blocks, bytes of the file.
type Built = (Cid, u64, u64);

fn node(links: Vec<Link>, meta: &Meta, layout: Layout) -> Block {
    layout.node(Node { links, data: Some(meta.encode().into()) }.encode())
}

fn leaf(chunk: &[u8], layout: Layout) -> Built {
    let block = if layout.raw_leaves {
        Block::of(Code::Raw, chunk.to_vec())
    } else {
        let data = (!chunk.is_empty()).then(|| chunk.to_vec().into());
        node(Vec::new(), &Meta { data, file_size: Some(chunk.len() as u64), ..Meta::of(MetaKind::File) }, layout)
    };
    (*block.cid(), block.bytes().len() as u64, chunk.len() as u64)
}

fn parent(children: &[Built], layout: Layout) -> Built {
    let sum = |of: fn(&Built) -> u64| children.iter().map(of).sum::<u64>();
    let link = |(cid, total_size, _): &Built| Link { cid: *cid, name: "".into(), total_size: *total_size };
    let meta = Meta {
        file_size: Some(sum(|child| child.2)),
        block_sizes: children.iter().map(|child| child.2).collect(),
        ..Meta::of(MetaKind::File)
    };
    let block = node(children.iter().map(link).collect(), &meta, layout);
    (*block.cid(), block.bytes().len() as u64 + sum(|child| child.1), sum(|child| child.2))
}

fn slowly(bytes: &[u8], layout: Layout) -> Built {
    let mut level: Vec<_> = bytes.chunks(layout.chunk_bytes).map(|chunk| leaf(chunk, layout)).collect();
    if level.is_empty() {
        level.push(leaf(b"", layout));
    }
    while level.len() > 1 {
        level = level.chunks(layout.links_per_node).map(|children| parent(children, layout)).collect();
    }
    level[0]
}

#[test]
fn trees_of_every_shape_are_those_of_the_reference() {
    for profile in Profile::ALL {
        let layout = tiny(profile);
        for size in 0..=3 * 4 * 4 * 4 + 4 {
            let bytes = pattern(size);
            let (cid, total_size, file_size) = slowly(&bytes, layout);
            let (got, _) = import_by(&Item::file(bytes), layout);
            assert_eq!((got.cid, got.total_size, got.bytes), (cid, total_size, file_size), "{profile}, {size} bytes");
        }
    }
}

#[test]
fn real_chunks_are_cut_where_the_reference_cuts_them() {
    for profile in Profile::ALL {
        let layout = profile.layout();
        let chunk = layout.chunk_bytes;
        for size in [0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk - 1, 3 * chunk, 3 * chunk + 1] {
            let bytes = pattern(size);
            let expected = slowly(&bytes, layout).0;
            let got = import(&Item::file(bytes), profile, &mut |_: Block| Ok(())).unwrap();
            assert_eq!(got.cid, expected, "{profile}, {size} bytes");
        }
    }
}

#[test]
fn full_nodes_end_where_the_reference_ends_them() {
    let layout = Layout { chunk_bytes: 2, ..Profile::KuboCidV1.layout() };
    let full = layout.links_per_node * layout.chunk_bytes;
    for size in [full - 1, full, full + 1, 174 * full - 1, 174 * full, 174 * full + 1] {
        let bytes = pattern(size);
        let expected = slowly(&bytes, layout).0;
        assert_eq!(import_by(&Item::file(bytes), layout).0.cid, expected, "{size} bytes");
    }
}
