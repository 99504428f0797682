//! Reads and hashes files with all threads of the pool.
//!
//! Small files dominate results directories, so a first pass does one open and as few reads as can be, without asking
//! for the size. What turns out to be large is put aside and hashed afterwards, longest first. It keeps no more than a
//! buffer per thread.

use std::io::{self, Read as _};

use cap_std::fs::{Dir, File};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{FileHash, HashError, error::lossy, walk::Job};
use crate::deadline::Deadline;

/// Bytes read at once. From 64 KiB to 4 MiB the speed was the same within 10 % (1.4 to 1.6 GB/s a core, SHA-NI), so
/// this is the least that keeps the number of reads down.
const BUFFER_BYTES: usize = 256 * 1024;

/// A larger file is hashed after the others, the largest first, so that none is begun last and left to one core.
const LARGE_BYTES: u64 = 4 << 20;

/// Fewest files that are worth a thread's attention of their own.
const MIN_FILES_PER_TASK: usize = 8;

/// The hash of one file, or its name with the error.
pub(super) type Hashed = Result<FileHash, (Vec<u8>, HashError)>;

/// What the first pass makes of a file.
enum First {
    Done(Hashed),
    Large { job: Job, size: u64 },
}

/// Hashes every job. `root` is where links are resolved from. The order of the answer is not that of the jobs.
pub(super) fn hash_all(root: &Dir, jobs: Vec<Job>, deadline: &Deadline) -> Vec<Hashed> {
    let first: Vec<First> = if jobs.len() <= MIN_FILES_PER_TASK {
        // Most results are a handful of small files: waking the pool would cost more than hashing them.
        let mut buffer = buffer();
        jobs.into_iter().map(|job| hash_if_small(root, job, &mut buffer, deadline)).collect()
    } else {
        jobs.into_par_iter()
            .with_min_len(MIN_FILES_PER_TASK)
            .map_init(buffer, |buffer, job| hash_if_small(root, job, buffer, deadline))
            .collect()
    };
    let mut done = Vec::with_capacity(first.len());
    let mut large = Vec::new();
    for outcome in first {
        match outcome {
            First::Done(hashed) => done.push(hashed),
            First::Large { job, size } => large.push((size, job)),
        }
    }
    if large.is_empty() {
        return done;
    }
    large.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    // A bridge hands them out one by one in this order; splitting the list in halves would not.
    done.par_extend(large.into_iter().par_bridge().map(|(_, job)| hash_large(root, job, deadline)));
    done
}

fn buffer() -> Vec<u8> {
    vec![0; BUFFER_BYTES]
}

/// Hashes the file, unless it is so large that it should be begun before others.
fn hash_if_small(root: &Dir, job: Job, buffer: &mut [u8], deadline: &Deadline) -> First {
    let mut file = match open(root, &job) {
        Ok(file) => file,
        Err(error) => return First::Done(Err((job.name, error))),
    };
    match begin(&mut file, buffer, deadline) {
        Ok(Begun::Large(size)) => First::Large { size, job },
        Ok(Begun::Hashed(sha256, size)) => First::Done(Ok(FileHash { name: job.name, sha256, size })),
        Err(source) => First::Done(Err(read_error(job, source))),
    }
}

/// What the first look at a file comes to.
enum Begun {
    Hashed([u8; 32], u64),
    /// Its size, as the host says: only the order of work depends on it.
    Large(u64),
}

/// Fills the buffer once; only a file that is longer is asked for its size.
fn begin(file: &mut File, buffer: &mut [u8], deadline: &Deadline) -> io::Result<Begun> {
    deadline.check_io()?;
    let len = fill(file, buffer)?;
    if len < buffer.len() {
        return Ok(Begun::Hashed(Sha256::digest(&buffer[..len]).into(), len as u64));
    }
    let size = file.metadata()?.len();
    if size > LARGE_BYTES {
        return Ok(Begun::Large(size));
    }
    let (sha256, size) = stream(file, Sha256::new_with_prefix(&*buffer), len as u64, buffer, deadline)?;
    Ok(Begun::Hashed(sha256, size))
}

fn hash_large(root: &Dir, job: Job, deadline: &Deadline) -> Hashed {
    let mut file = match open(root, &job) {
        Ok(file) => file,
        Err(error) => return Err((job.name, error)),
    };
    match stream(&mut file, Sha256::new(), 0, &mut buffer(), deadline) {
        Ok((sha256, size)) => Ok(FileHash { name: job.name, sha256, size }),
        Err(source) => Err(read_error(job, source)),
    }
}

/// Hashes the rest of a file, of which `size` bytes are in the hash already.
fn stream(
    file: &mut File,
    mut hasher: Sha256,
    mut size: u64,
    buffer: &mut [u8],
    deadline: &Deadline,
) -> io::Result<([u8; 32], u64)> {
    loop {
        deadline.check_io()?;
        let len = fill(file, buffer)?;
        hasher.update(&buffer[..len]);
        size += len as u64;
        if len < buffer.len() {
            return Ok((hasher.finalize().into(), size));
        }
    }
}

/// Reads until the buffer is full or the file ends: a single read may return less than there is.
fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match file.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

fn open(root: &Dir, job: &Job) -> Result<File, HashError> {
    if job.is_link {
        return open_link(root, &job.name);
    }
    job.dir.open(&job.leaf).map_err(|source| HashError::io("open", &job.name, source))
}

/// Follows a link to a file inside the tree. Looks before it opens: opening a pipe would wait for ever.
fn open_link(root: &Dir, name: &[u8]) -> Result<File, HashError> {
    let path = path(name);
    let metadata = root.metadata(&path).map_err(|source| HashError::link(name, source))?;
    if !metadata.is_file() {
        return Err(HashError::LinkToOther { name: lossy(name) });
    }
    root.open(&path).map_err(|source| HashError::link(name, source))
}

#[cfg(unix)]
fn path(name: &[u8]) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(name).into()
}

/// Elsewhere a name that is not Unicode cannot be made into a path again without `unsafe`; such a link is not found.
#[cfg(not(unix))]
fn path(name: &[u8]) -> std::path::PathBuf {
    lossy(name).into()
}

fn read_error(job: Job, source: io::Error) -> (Vec<u8>, HashError) {
    let error = HashError::io("read", &job.name, source);
    (job.name, error)
}
