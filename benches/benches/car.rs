//! Mount time and read throughput of a large archive: a CAR of 10 GiB (`BENCH_CAR_GIB`) in files of 64 MiB with an
//! existing index; one file of it is read, compared with the same bytes in a file of the host, with and without a hash.
//!
//! All blocks differ, but consist almost only of zeros, which occupy no space on disk.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a benchmark")]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_cas::{Cid, car::CarFile, unixfs::DagTree};
use bacalhau_runtime::{ReadAt, Tree};
use benches::sparse_car::{FILE_BYTES, name, write_car};
use benches::{Least, setting};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const PIECE_BYTES: usize = 64 << 10;

fn mount(car: &Path, index_dir: &Path, root: &Cid) -> DagTree {
    let car = CarFile::open(car, index_dir).unwrap();
    assert_eq!(car.roots(), [*root]);
    DagTree::open(Arc::new(car), root, "").unwrap()
}

fn read(file: &dyn ReadAt, mut take: impl FnMut(&[u8])) {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < FILE_BYTES {
        let length = file.read_at(&mut buffer, at).unwrap();
        take(&buffer[..length]);
        at += length as u64;
    }
}

/// A file of the host, read as a tree is.
struct Plain(File);

impl ReadAt for Plain {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(&self.0, buf, offset)
    }
}

fn car(c: &mut Criterion) {
    let gib = setting("BENCH_CAR_GIB", 10);
    let files = (gib << 30) / FILE_BYTES;
    let dir = TempDir::new().unwrap();
    let (path, index_dir) = (dir.path().join("a.car"), dir.path().join("indexes"));
    let root = write_car(&path, files);

    let mut least = Least::new(format!("mount a CAR of {gib} GiB"));
    let mut group = c.benchmark_group(format!("mount a CAR of {gib} GiB"));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let mut side = |name: &str, run: &dyn Fn()| {
        group.bench_function(name, |b| b.iter_custom(|times| least.wall(name, times, run)));
    };
    side("for the first time, without an index", &|| {
        if index_dir.exists() {
            fs::remove_dir_all(&index_dir).unwrap();
        }
        drop(mount(&path, &index_dir, &root));
    });
    side("with its index", &|| drop(mount(&path, &index_dir, &root)));
    side("with its index, and all names listed", &|| {
        let entries = mount(&path, &index_dir, &root).list("").unwrap();
        assert_eq!(entries.len() as u64, files);
    });
    side("with its index, and 4 KiB of a file in the middle read", &|| {
        let file = mount(&path, &index_dir, &root).open(&name(files / 2)).unwrap();
        let mut buffer = [0; 4096];
        assert_eq!(file.read_at(&mut buffer, FILE_BYTES / 2).unwrap(), 4096);
    });
    group.finish();
    least.print("50 ms with its index");

    let tree = mount(&path, &index_dir, &root);
    let copy = dir.path().join("copy");
    let mut out = File::create(&copy).unwrap();
    read(&*tree.open(&name(files / 2)).unwrap(), |bytes| out.write_all(bytes).unwrap());
    let mut least = Least::new("read a file of 64 MiB");
    let mut group = c.benchmark_group("read a file of 64 MiB");
    group.sample_size(10).throughput(Throughput::Bytes(FILE_BYTES)).measurement_time(Duration::from_secs(5));
    let mut side = |name: &str, run: &dyn Fn()| {
        group.bench_function(name, |b| b.iter_custom(|times| least.wall(name, times, run)));
    };
    let plain = || Plain(File::open(&copy).unwrap());
    side("of the host, with SHA-256", &|| {
        let mut hasher = Sha256::new();
        read(&plain(), |bytes| hasher.update(bytes));
        black_box(hasher.finalize());
    });
    side("of the host", &|| {
        read(&plain(), |bytes| {
            black_box(bytes);
        });
    });
    // Mounted anew, so that no block is in memory from before.
    side("of the CAR, every block checked", &|| {
        let tree = mount(&path, &index_dir, &root);
        read(&*tree.open(&name(files / 2)).unwrap(), |bytes| {
            black_box(bytes);
        });
    });
    group.finish();
    least.print("none");
}

criterion_group!(benches, car);
criterion_main!(benches);
