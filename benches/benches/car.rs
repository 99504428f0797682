//! How soon is a large archive mounted, and how fast is it read? A CAR of 10 GiB (`BENCH_CAR_GIB`) in files of 64 MiB, whose
//! index was made before; one file of it is read beside the same bytes in a file of the host, with a hash and without.
//!
//! All blocks differ, but are nearly all zeros, which take no place on disk: their headers and first bytes do.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a benchmark")]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bacalhau::cas::Cid;
use bacalhau::cas::car::{CarFile, CarWriter};
use bacalhau::cas::unixfs::DagTree;
use bacalhau::cas::unixfs::import::{Profile, import};
use bacalhau::cas::{Block, Code, DataError};
use bacalhau_runtime::{Deadline, Entry, Kind, ReadAt, Stat, Tree};
use benches::{Least, setting};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const FILE_BYTES: u64 = 64 << 20;
/// What is written at once: the pages of a file system.
const PAGE_BYTES: usize = 4096;
const PIECE_BYTES: usize = 64 << 10;

/// A directory of files of zeros, with a number at the beginning of each chunk, so that all chunks differ.
#[derive(Debug)]
struct Marked {
    files: u64,
}

struct MarkedFile {
    number: u64,
    chunk: u64,
}

impl Tree for Marked {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        let (kind, size) = if path.is_empty() { (Kind::Dir, 0) } else { (Kind::File, FILE_BYTES) };
        Ok(Stat { kind, size })
    }

    fn list(&self, _: &str) -> io::Result<Vec<Entry>> {
        Ok((0..self.files).map(|number| Entry { name: name(number), kind: Kind::File }).collect())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        let chunk = Profile::default().layout().chunk_bytes as u64;
        Ok(Box::new(MarkedFile { number: path.parse().unwrap(), chunk }))
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok(format!("{} marked files", self.files))
    }
}

impl ReadAt for MarkedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let length = buf.len().min(FILE_BYTES.saturating_sub(offset) as usize);
        buf[..length].fill(0);
        for at in (offset.next_multiple_of(self.chunk)..offset + length as u64).step_by(self.chunk as usize) {
            let place = (at - offset) as usize..((at - offset) as usize + 8).min(length);
            let mark = (self.number * FILE_BYTES + at + 1).to_le_bytes();
            buf[place.clone()].copy_from_slice(&mark[..place.len()]);
        }
        Ok(length)
    }
}

fn name(number: u64) -> String {
    format!("{number:04}")
}

/// Writes all but zeros.
struct Sparse {
    file: File,
    at: u64,
}

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.chunks(PAGE_BYTES) {
            if piece.iter().any(|byte| *byte != 0) {
                self.file.write_all_at(piece, self.at)?;
            }
            self.at += piece.len() as u64;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.set_len(self.at)
    }
}

/// Writes the archive and says what its root is.
fn write_car(path: &Path, files: u64) -> Cid {
    let file = File::create(path).unwrap();
    // The root is known at the end; any other CID takes as much room.
    let unknown = *Block::of(Code::DagPb, "").cid();
    let sparse = Sparse { file: file.try_clone().unwrap(), at: 0 };
    let mut car = CarWriter::new(sparse, &[unknown]).unwrap();
    let mut sink = |block: Block| car.write(&block).map_err(|error| DataError::io("write the archive", error));
    let root = import(&Marked { files }, Profile::default(), &mut sink).unwrap().cid;
    car.finish().unwrap();
    let header = CarWriter::new(Vec::new(), &[root]).unwrap().finish().unwrap();
    file.write_all_at(&header, 0).unwrap();
    root
}

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
