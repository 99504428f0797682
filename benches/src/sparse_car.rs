//! A large archive that takes little of the disk: all blocks differ, but consist almost only of zeros, which are holes.
#![allow(clippy::cast_possible_truncation, reason = "a benchmark")]

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use bacalhau_cas::{
    Block, Cid, Code, DataError,
    car::CarWriter,
    unixfs::import::{Profile, import},
};
use bacalhau_runtime::{Deadline, Entry, Kind, ReadAt, Stat, Tree};

/// Size of a file in the archive.
pub const FILE_BYTES: u64 = 64 << 20;
/// Size of one write: a page of the file system.
const PAGE_BYTES: usize = 4096;

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
        Ok(Stat::new(kind, size))
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

/// The name of a file in the archive.
pub fn name(number: u64) -> String {
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

/// Writes an archive of so many files at `path`, and returns its root.
pub fn write_car(path: &Path, files: u64) -> Cid {
    let file = File::create(path).unwrap();
    // The root is known only at the end; any other CID has the same size.
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
