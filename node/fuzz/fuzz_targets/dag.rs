//! A whole DAG of a stranger, made from bytes: everything that reads one answers or refuses, within its bounds.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bacalhau_cas::{dag_pb::{Link, Node}, unixfs::{Bounds, DagTree, Links, Meta, MetaKind, Scope, Unpack, Walk}, Block, BlockSource, Code, DataError, Cid};
use bacalhau_tree::{Kind, Tree};
use bytes::Bytes;
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

const MURMUR3_X64_64: u64 = 0x22;
const KINDS: [MetaKind; 8] = [
    MetaKind::Raw,
    MetaKind::Directory,
    MetaKind::Directory,
    MetaKind::File,
    MetaKind::File,
    MetaKind::Metadata,
    MetaKind::Symlink,
    MetaKind::HamtShard,
];

#[derive(Debug, Default)]
struct Memory(BTreeMap<Cid, Bytes>);

impl BlockSource for Memory {
    fn get(&self, cid: &Cid) -> std::result::Result<Bytes, DataError> {
        self.0.get(cid).cloned().ok_or_else(|| DataError::missing(cid, "it was never made"))
    }
}

impl Memory {
    fn put(&mut self, block: Block) -> Cid {
        let (cid, bytes) = block.into_parts();
        self.0.insert(cid, bytes);
        cid
    }

    /// Makes a node over `below`, and says how long it is as a file.
    fn make(&mut self, input: &mut Unstructured<'_>, below: &[(Cid, u64)]) -> Result<(Cid, u64)> {
        let data = input.arbitrary::<Option<&[u8]>>()?.map(Bytes::copy_from_slice);
        let own = data.as_ref().map_or(0, Bytes::len) as u64;
        if input.ratio(1, 4)? {
            return Ok((self.put(Block::of(Code::Raw, data.unwrap_or_default())), own));
        }
        let (mut links, mut block_sizes, mut size) = (Vec::new(), Vec::new(), own);
        for _ in 0..input.int_in_range(0..=6)? {
            let Some((cid, length)) = below.get(input.choose_index(below.len().max(1))?) else { break };
            let length = if input.ratio(1, 16)? { input.arbitrary()? } else { *length };
            let names: &[&[u8]] = &[b"", b"a", b"b", b"..", b".", b"a/b", b"a\0", b"\xff", b"00", b"01c", b"FF"];
            let name = if input.ratio(1, 8)? { input.arbitrary()? } else { *input.choose(names)? };
            links.push(Link { cid: *cid, name: Bytes::copy_from_slice(name), total_size: length });
            block_sizes.push(length);
            size = size.wrapping_add(length);
        }
        let meta = Meta {
            kind: *input.choose(&KINDS)?,
            data,
            file_size: if input.ratio(1, 8)? { input.arbitrary()? } else { Some(size) },
            block_sizes,
            hash: Some(if input.ratio(1, 16)? { input.arbitrary()? } else { MURMUR3_X64_64 }),
            fanout: Some(if input.ratio(1, 16)? { input.arbitrary()? } else { *input.choose(&[8, 16, 256, 1024])? }),
        };
        let node = Node { links, data: Some(meta.encode().into()) };
        Ok((self.put(Block::of(Code::DagPb, node.encode())), size))
    }
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
        assert!(!matches!(entry.name.as_str(), "" | "." | "..") && !entry.name.contains(['/', '\0']));
        if *budget > 0 && entry.kind != Kind::Link {
            read_everything(tree, format!("{path}/{}", entry.name).trim_start_matches('/'), budget);
        }
    }
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let (mut memory, mut made) = (Memory::default(), Vec::new());
    while !input.is_empty() && made.len() < 48 {
        let node = memory.make(input, &made)?;
        made.push(node);
    }
    let Some((root, _)) = made.last().copied() else { return Ok(()) };
    let blocks: Arc<dyn BlockSource> = Arc::new(memory);
    let bounds = Bounds { max_blocks: 100, ..Bounds::default() };
    for scope in [Scope::Block, Scope::Entity, Scope::All] {
        assert!(Walk::new(Arc::clone(&blocks), &root, scope, bounds).count() <= made.len() + 1);
    }
    let Ok(tree) = DagTree::open(blocks, &root, "") else { return Ok(()) };
    read_everything(&tree, "", &mut 200);
    let _ = tree.total_bytes(&bounds);
    let dir = tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "." }).unwrap();
    let few = Unpack { max_bytes: 10_000, max_entries: 100, links: Links::Skip };
    let written = few.publish(&tree, &dir.path().join("out"), &mut |_| {});
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), usize::from(written.is_ok()));
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});
