//! Hashing throughput of directories, compared with SHA-256 of the same bytes in memory on one core, and with one
//! thread that opens, reads and hashes the same files in sequence.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::Path;

use bacalhau_runtime::dirhash::hash_dir;
use benches::{many_files, one_file};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sha2::{Digest, Sha256};

fn compare(c: &mut Criterion, name: &str, dir: &Path, files: usize, bytes: usize) {
    let mut group = c.benchmark_group(name);
    group.sample_size(10);
    group.throughput(Throughput::Bytes((files * bytes) as u64));
    group.bench_function("bacalhau", |b| b.iter(|| hash_dir(black_box(dir), "results").unwrap()));
    let memory = vec![7; bytes];
    group.bench_function("one core's SHA-256, in memory", |b| {
        b.iter(|| {
            for _ in 0..files {
                black_box(Sha256::digest(black_box(&memory)));
            }
        });
    });
    group.bench_function("one thread, open, read and hash", |b| b.iter(|| one_thread(dir)));
    group.finish();
}

fn one_thread(dir: &Path) {
    let mut buffer = vec![0; 1 << 20];
    for entry in std::fs::read_dir(dir).unwrap() {
        let mut file = File::open(entry.unwrap().path()).unwrap();
        let mut hasher = Sha256::new();
        loop {
            match file.read(&mut buffer).unwrap() {
                0 => break,
                read => hasher.update(&buffer[..read]),
            }
        }
        black_box(hasher.finalize());
    }
}

fn dirhash(c: &mut Criterion) {
    let many = many_files(20_000, 4096);
    compare(c, "hash 20,000 files of 4 KiB", many.path(), 20_000, 4096);
    let medium = many_files(256, 1 << 20);
    compare(c, "hash 256 files of 1 MiB", medium.path(), 256, 1 << 20);
    let one = one_file(1 << 30);
    compare(c, "hash a file of 1 GiB", one.path(), 1, 1 << 30);
}

criterion_group!(benches, dirhash);
criterion_main!(benches);
