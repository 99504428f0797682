//! Whatever strangers write: everything that reads a DAG answers or refuses, and never panics or runs away.

use std::sync::Arc;

use bacalhau_tree::{Kind, Tree};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::samples::{Samples, link};
use super::{Bounds, Meta, MetaKind, Scope, Unpack, Walk};
use crate::{BlockSource, Cid};

#[derive(Clone, Debug)]
struct AnyNode {
    kind: Option<MetaKind>,
    data: Option<Vec<u8>>,
    /// Names, what they name, and how wrong the size is that is said of it.
    links: Vec<(&'static str, Index, Option<u64>)>,
    file_size: Option<u64>,
    fanout: Option<u64>,
}

fn any_node() -> impl Strategy<Value = AnyNode> {
    use MetaKind::{Directory, File, HamtShard, Metadata, Raw, Symlink};
    let kinds = vec![Raw, Directory, Directory, File, File, File, Metadata, Symlink, HamtShard];
    let names = select(vec!["", "", "a", "b", "c", "d", "..", "a/b", "00", "01", "00a", "01b", "FFc"]);
    let wrong = option::weighted(0.1, prop_oneof![0..20_u64, u64::MAX - 9..u64::MAX]);
    let links = vec((names, any::<Index>(), wrong), 0..5);
    let data = option::of(vec(any::<u8>(), 0..8));
    let fanout = option::of(select(vec![0_u64, 8, 16, 256, 1024, 3]));
    (option::weighted(0.7, select(kinds)), data, links, option::weighted(0.1, any::<u64>()), fanout)
        .prop_map(|(kind, data, links, file_size, fanout)| AnyNode { kind, data, links, file_size, fanout })
}

/// Stores it over `below` and says how long it is as a file.
fn store(samples: &Samples, node: AnyNode, below: &[(Cid, u64)]) -> (Cid, u64) {
    let Some(kind) = node.kind else {
        let bytes = node.data.unwrap_or_default();
        let size = bytes.len() as u64;
        return (samples.raw(bytes), size);
    };
    let mut size = node.data.as_ref().map_or(0, Vec::len) as u64;
    let (mut links, mut block_sizes) = (vec![], vec![]);
    for (name, index, wrong) in node.links.into_iter().filter(|_| !below.is_empty()) {
        let (cid, length) = index.get(below);
        links.push(link(name, *cid));
        block_sizes.push(wrong.unwrap_or(*length));
        size = size.wrapping_add(wrong.unwrap_or(*length));
    }
    let (data, hash) = (node.data.map(Into::into), Some(0x22));
    let file_size = Some(node.file_size.unwrap_or(size));
    (samples.node(&Meta { kind, data, file_size, block_sizes, hash, fanout: node.fanout }, links), size)
}

fn read_everything(tree: &dyn Tree, path: &str, budget: &mut u32) {
    *budget = budget.saturating_sub(1);
    let Ok(stat) = tree.stat(path) else { return };
    let _ = tree.read_link(path);
    if let Ok(file) = tree.open(path) {
        for at in [0, 3, stat.size / 2, stat.size.saturating_sub(3), stat.size, u64::MAX] {
            let _ = file.read_at(&mut [0; 40], at);
        }
    }
    for entry in tree.list(path).unwrap_or_default() {
        if *budget > 0 && entry.kind != Kind::Link {
            read_everything(tree, format!("{path}/{}", entry.name).trim_start_matches('/'), budget);
        }
    }
}

proptest! {
    #[test]
    fn whatever_it_is_it_is_read_or_refused(nodes in vec(any_node(), 1..12)) {
        let samples = Samples::new();
        let mut stored = Vec::new();
        for node in nodes {
            stored.push(store(&samples, node, &stored));
        }
        let (root, _) = stored[stored.len() - 1];
        let bounds = Bounds { max_blocks: 100, ..Bounds::default() };
        for scope in [Scope::Block, Scope::Entity, Scope::All] {
            let walk = Walk::new(Arc::clone(&samples) as Arc<dyn BlockSource>, &root, scope, bounds);
            prop_assert!(walk.count() <= stored.len() + 1);
        }
        if let Ok(tree) = samples.open(&root, "") {
            read_everything(&tree, "", &mut 200);
            let _ = tree.total_bytes(&bounds);
            let dir = tempfile::tempdir().unwrap();
            let few = Unpack { max_bytes: 10_000, max_entries: 100, ..Unpack::default() };
            let written = few.publish(&tree, &dir.path().join("out"), &mut |_| {});
            prop_assert_eq!(written.is_ok(), std::fs::read_dir(dir.path()).unwrap().count() == 1);
        }
    }
}
