//! Pieces as inputs: how soon a piece of 4 GiB (`BENCH_PIECES_GIB`) whose tree and index are kept is mounted, how fast a file
//! of it is read, and how soon an aggregate of 1,000 segments is listed.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bacalhau_cas::FileBytes;
use bacalhau_cas::piece::Commitment;
use bacalhau_runtime::{ReadAt, Tree};
use bacalhau_storage::{PieceCopies, Source, Storage as _, Template, UnsealedVerify};
use benches::aggregate::aggregate;
use benches::sparse_car::{FILE_BYTES, name, write_car};
use benches::{Least, setting};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const READ_BYTES: usize = 64 << 10;
const SEGMENTS: u32 = 1000;

fn copies(dir: &Path) -> PieceCopies {
    let template = Template::parse(&format!("{}/{{{{.PieceCid}}}}", dir.join("pieces").display())).unwrap();
    PieceCopies::new(template, UnsealedVerify::Lazy, None, dir).unwrap()
}

/// Names the file `made` by its piece CID, and reads it for the first time.
fn keep(dir: &Path, made: &Path) -> Source {
    let begin = Instant::now();
    let piece = Commitment::of("the piece", File::open(made).unwrap()).unwrap();
    let committed = begin.elapsed();
    let cid = piece.cid_v2().to_string();
    fs::rename(made, dir.join("pieces").join(&cid)).unwrap();
    let source = Source::parse(&cid).unwrap();
    let begin = Instant::now();
    copies(dir).open(&source).unwrap();
    println!("{cid}: committed to in {committed:?}, mounted for the first time in {:?}", begin.elapsed());
    source
}

fn read(file: &dyn ReadAt, mut take: impl FnMut(&[u8])) {
    let (mut buffer, mut at) = (vec![0; READ_BYTES], 0);
    while at < FILE_BYTES {
        let length = file.read_at(&mut buffer, at).unwrap();
        take(&buffer[..length]);
        at += length as u64;
    }
}

fn pieces(c: &mut Criterion) {
    let gib = setting("BENCH_PIECES_GIB", 4);
    let files = (gib << 30) / FILE_BYTES;
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("pieces")).unwrap();
    let made = dir.path().join("made");
    write_car(&made, files);
    let source = keep(dir.path(), &made);
    File::create(&made).unwrap().write_all(&aggregate(SEGMENTS)).unwrap();
    let segments = keep(dir.path(), &made);

    let mut least = Least::new(format!("mount a piece of {gib} GiB"));
    let mut group = c.benchmark_group(format!("mount a piece of {gib} GiB"));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let mut side = |name: &str, run: &dyn Fn()| {
        group.bench_function(name, |b| b.iter_custom(|times| least.wall(name, times, run)));
    };
    side("with its tree and index", &|| drop(copies(dir.path()).open(&source).unwrap()));
    side("an aggregate of 1,000 segments, listed", &|| {
        let tree = copies(dir.path()).open(&segments).unwrap().tree;
        assert_eq!(tree.list("").unwrap().len(), SEGMENTS as usize);
    });
    group.finish();
    least.print("50 ms, and 20 ms for the aggregate");

    let tree = copies(dir.path()).open(&source).unwrap().tree;
    let copy = dir.path().join("copy");
    let mut out = File::create(&copy).unwrap();
    read(&*tree.open(&name(files / 2)).unwrap(), |bytes| out.write_all(bytes).unwrap());
    let mut least = Least::new("read a file of 64 MiB");
    let mut group = c.benchmark_group("read a file of 64 MiB from a piece");
    group.sample_size(10).throughput(Throughput::Bytes(FILE_BYTES)).measurement_time(Duration::from_secs(5));
    let mut side = |name: &str, run: &dyn Fn()| {
        group.bench_function(name, |b| b.iter_custom(|times| least.wall(name, times, run)));
    };
    side("of the host, with SHA-256", &|| {
        let mut hasher = Sha256::new();
        read(&FileBytes(File::open(&copy).unwrap()), |bytes| hasher.update(bytes));
        black_box(hasher.finalize());
    });
    // Mounted anew, so that no block is in memory from before.
    side("of the piece, checked", &|| {
        let tree: Arc<dyn Tree> = copies(dir.path()).open(&source).unwrap().tree;
        read(&*tree.open(&name(files / 2)).unwrap(), |bytes| {
            black_box(bytes);
        });
    });
    group.finish();
    least.print("0.6 of the host");
}

criterion_group!(benches, pieces);
criterion_main!(benches);
