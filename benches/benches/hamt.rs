//! Listing a directory of 100,000 names in the shards of a HAMT: mounted anew each time, from blocks in memory and from
//! the block store, compared with a directory of the host with the same names.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::fs;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bacalhau_cas::{
    Block, BlockSource, Cid,
    store::{Options, Store},
    unixfs::DagTree,
    unixfs::import::{Profile, import},
};
use bacalhau_runtime::{Deadline, Entry, HostTree, Kind, ReadAt, Stat, Tree};
use benches::{Least, Memory};
use criterion::{Criterion, criterion_group, criterion_main};
use tempfile::TempDir;

const NAMES: usize = 100_000;

/// A directory of files, each of which holds its own name.
#[derive(Debug)]
struct Names;

struct Content(String);

impl Tree for Names {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        let kind = if path.is_empty() { Kind::Dir } else { Kind::File };
        Ok(Stat::new(kind, path.len() as u64))
    }

    fn list(&self, _: &str) -> io::Result<Vec<Entry>> {
        Ok((0..NAMES).map(|number| Entry { name: name(number), kind: Kind::File }).collect())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(Content(path.to_owned())))
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok("names".into())
    }
}

impl ReadAt for Content {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = self.0.as_bytes().get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let length = rest.len().min(buf.len());
        buf[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

fn name(number: usize) -> String {
    format!("file-{number:06}")
}

fn list(blocks: Arc<dyn BlockSource>, root: &Cid) -> Vec<Entry> {
    let entries = DagTree::open(blocks, root, "").unwrap().list("").unwrap();
    assert_eq!(entries.len(), NAMES);
    entries
}

fn find(blocks: Arc<dyn BlockSource>, root: &Cid) {
    let stat = DagTree::open(blocks, root, "").unwrap().stat(&name(NAMES / 2)).unwrap();
    assert_eq!(stat.kind, Kind::File);
}

fn read_dir(dir: &Path) -> Vec<Entry> {
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        assert!(entry.file_type().unwrap().is_file());
        Entry { name: entry.file_name().into_string().unwrap(), kind: Kind::File }
    };
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(entry).collect();
    entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(entries.len(), NAMES);
    entries
}

fn hamt(c: &mut Criterion) {
    let host = TempDir::new().unwrap();
    for number in 0..NAMES {
        fs::write(host.path().join(name(number)), name(number)).unwrap();
    }
    let memory = Arc::new(Memory::default());
    let root = memory.import(&Names, Profile::default()).cid;
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let writer = store.writer();
    let stored = import(&Names, Profile::default(), &mut |block: Block| writer.write(&block)).unwrap();
    writer.finish().unwrap();
    assert_eq!(stored.cid, root);

    let mut least = Least::new(format!("list {NAMES} names"));
    let mut group = c.benchmark_group(format!("list {NAMES} names"));
    group.sample_size(10);
    let mut side = |name: &str, run: &dyn Fn() -> Vec<Entry>| {
        group.bench_function(name, |b| b.iter_custom(|times| least.wall(name, times, || black_box(run()))));
    };
    side("std, read and sorted", &|| read_dir(host.path()));
    side("a directory of the host, mounted", &|| HostTree::open(host.path()).unwrap().list("").unwrap());
    side("a HAMT in memory, mounted", &|| list(memory.clone(), &root));
    side("a HAMT in the store, mounted", &|| list(store.clone(), &root));
    group.finish();
    least.print("none");
    c.bench_function("find one of 100,000 names in a HAMT in the store", |b| b.iter(|| find(store.clone(), &root)));
}

criterion_group!(benches, hamt);
criterion_main!(benches);
