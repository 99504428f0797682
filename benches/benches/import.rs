//! Import throughput: a file and a directory of files, only hashed into blocks, and durably written to the block store;
//! in CPU time of all threads, compared with SHA-256 of the same bytes in memory on one core, and in wall-clock time.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a benchmark")]

use std::hint::black_box;
use std::path::Path;

use bacalhau_cas::{
    Block, DataError,
    store::{Options, Store},
    unixfs::import::{Profile, import},
};
use bacalhau_runtime::HostTree;
use benches::{Least, noise, setting};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const SHA: &str = "one core's SHA-256, in memory";

fn hash_blocks(tree: &HostTree, profile: Profile) {
    let mut sink = |block: Block| -> Result<(), DataError> {
        black_box(block);
        Ok(())
    };
    import(tree, profile, &mut sink).unwrap();
}

/// Imports into a new durable store, which is removed when the returned value is dropped.
fn store(tree: &HostTree, profile: Profile) -> TempDir {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    let writer = store.writer();
    let mut sink = |block: Block| writer.write(&block);
    import(tree, profile, &mut sink).unwrap();
    writer.finish().unwrap();
    dir
}

fn compare(c: &mut Criterion, name: &str, dir: &Path, bytes: u64, reach: &str) {
    let (mut cpu, mut wall) = (Least::new(format!("import {name}, CPU time")), Least::new(format!("import {name}")));
    let memory = vec![7; bytes as usize];
    let hash = || black_box(Sha256::digest(black_box(&memory)));
    let mut group = c.benchmark_group(format!("import {name}, CPU time"));
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Bytes(bytes));
    group.bench_function(SHA, |b| b.iter_custom(|times| cpu.cpu(SHA, times, hash)));
    for profile in [Profile::KuboCidV1, Profile::UnixfsV12025] {
        let side = format!("blocks, {profile}");
        let run = || hash_blocks(&HostTree::open(dir).unwrap(), profile);
        group.bench_function(&side, |b| b.iter_custom(|times| cpu.cpu(&side, times, run)));
    }
    let run = || store(&HostTree::open(dir).unwrap(), Profile::default());
    let side = format!("into the store, {}", Profile::default());
    group.bench_function(&side, |b| b.iter_custom(|times| cpu.cpu(&side, times, run)));
    group.finish();
    let mut group = c.benchmark_group(format!("import {name}"));
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Bytes(bytes));
    group.bench_function(SHA, |b| b.iter_custom(|times| wall.wall(SHA, times, hash)));
    group.bench_function(&side, |b| b.iter_custom(|times| wall.wall(&side, times, run)));
    group.finish();
    cpu.print(reach);
    wall.print("none");
}

fn imports(c: &mut Criterion) {
    let bytes = setting("BENCH_IMPORT_MIB", 1024) << 20;
    let one = TempDir::new().unwrap();
    std::fs::write(one.path().join("big"), noise(bytes as usize)).unwrap();
    compare(c, &format!("a file of {} MiB", bytes >> 20), one.path(), bytes, "0.8");
    drop(one);
    let many = TempDir::new().unwrap();
    for (number, content) in noise(20_000 * 4096).chunks(4096).enumerate() {
        std::fs::write(many.path().join(format!("file-{number:06}")), content).unwrap();
    }
    compare(c, "20,000 files of 4 KiB", many.path(), 20_000 * 4096, "none");
}

criterion_group!(benches, imports);
criterion_main!(benches);
