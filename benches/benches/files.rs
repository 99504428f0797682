//! The cost of files through WASI: the same program on the virtual file tree and on stock wasmtime-wasi, in the same
//! run. Separately, the steps that only the sandbox has: moving the results into place and hashing them.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::path::Path;

use bacalhau_tests::guests;
use benches::{Ours, Stock, many_files, one_file};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};

fn compare(group: &mut BenchmarkGroup<'_, WallTime>, args: &[&str], input: Option<&Path>) {
    let wasm = std::fs::read(guests::BENCH_FILES).unwrap();
    group.sample_size(10);
    let mut ours = Ours::new(&wasm, input);
    group.bench_function("bacalhau", |b| b.iter(|| ours.execute(args)));
    group.bench_function("bacalhau, to hashed results", |b| b.iter(|| ours.run(args)));
    let mut stock = Stock::new(&wasm);
    group.bench_function("stock wasmtime-wasi", |b| b.iter(|| stock.run(args, input)));
}

fn sequential(c: &mut Criterion) {
    const MIB: usize = 256;
    let input = one_file(MIB << 20);
    for piece in ["65536", "4096"] {
        let mut group = c.benchmark_group(format!("read {MIB} MiB in pieces of {piece}"));
        group.throughput(Throughput::Bytes((MIB << 20) as u64));
        compare(&mut group, &["read", piece], Some(input.path()));
        group.finish();
        let mut group = c.benchmark_group(format!("write {MIB} MiB in pieces of {piece}"));
        group.throughput(Throughput::Bytes((MIB << 20) as u64));
        compare(&mut group, &["write", &MIB.to_string(), piece], None);
        group.finish();
    }
}

fn small(c: &mut Criterion) {
    let input = many_files(1_000, 4096);
    let mut group = c.benchmark_group("read 1,000 files of 4 KiB");
    compare(&mut group, &["read-small"], Some(input.path()));
    group.finish();
    let mut group = c.benchmark_group("write 1,000 files of 4 KiB");
    compare(&mut group, &["write-small", "1000"], None);
    group.finish();
}

fn list(c: &mut Criterion) {
    let input = many_files(10_000, 0);
    let mut group = c.benchmark_group("list 10,000 names");
    compare(&mut group, &["list"], Some(input.path()));
    group.finish();
}

criterion_group!(benches, sequential, small, list);
criterion_main!(benches);
