//! Throughput of piece commitments, on one thread and on all, in wall-clock time and in CPU time of all threads,
//! compared with SHA-256 of the same bytes in memory on one core; and of a file as a piece, from disk to commitment.
//!
//! Each 32 bytes of a piece cost a node of the tree with two blocks of SHA-256: four times the cost of the bytes alone.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a benchmark")]

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Arc;

use bacalhau_cas::{
    piece::{Commitment, PieceWriter},
    unixfs::import::{Archive, Profile},
};
use bacalhau_runtime::HostTree;
use benches::{Least, noise, setting};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use rayon::{ThreadPool, ThreadPoolBuilder};
use sha2::{Digest, Sha256};

const SHA: &str = "one core's SHA-256, in memory";
/// As an archive is written.
const WRITE_BYTES: usize = 256 << 10;

fn commit(bytes: &[u8]) -> Commitment {
    let mut piece = PieceWriter::new(io::sink());
    bytes.chunks(WRITE_BYTES).for_each(|bytes| piece.write_all(bytes).unwrap());
    piece.finish().unwrap().0
}

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

fn pieces(c: &mut Criterion) {
    let bytes = setting("BENCH_PIECE_MIB", 256) << 20;
    let memory = noise(bytes as usize);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &memory).unwrap();
    let hash = || {
        black_box(Sha256::digest(black_box(&memory)));
    };
    let archive = || {
        let tree = Arc::new(HostTree::open(file.path()).unwrap());
        let archive = Archive::of(tree, Profile::default(), |_| {}).unwrap();
        black_box(archive.write(PieceWriter::new(io::sink()), |_| {}).unwrap().finish().unwrap().0);
    };
    let (one, all) = (pool(1), pool(0));
    let on = |pool: &ThreadPool| {
        black_box(pool.install(|| commit(&memory)));
    };
    let threads = all.current_num_threads();
    let sides: [(String, &dyn Fn()); 4] = [
        (SHA.into(), &hash),
        ("a commitment, 1 thread".into(), &|| on(&one)),
        (format!("a commitment, {threads} threads"), &|| on(&all)),
        (format!("a file: read twice, archived, committed to, {threads} threads"), &archive),
    ];
    let name = format!("a piece of {} MiB", bytes >> 20);
    let (mut cpu, mut wall) = (Least::new(format!("{name}, CPU time")), Least::new(name.clone()));
    let mut group = c.benchmark_group(format!("{name}, CPU time"));
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Bytes(bytes));
    for (side, run) in &sides {
        group.bench_function(side, |b| b.iter_custom(|times| cpu.cpu(side, times, run)));
    }
    group.finish();
    let mut group = c.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Bytes(bytes));
    for (side, run) in &sides {
        group.bench_function(side, |b| b.iter_custom(|times| wall.wall(side, times, run)));
    }
    group.finish();
    cpu.print("0.25, what the tree costs in blocks of SHA-256");
    wall.print("none");
}

criterion_group!(benches, pieces);
criterion_main!(benches);
