//! Reads and hashes files with the threads of one call (`threads`).
//!
//! Small files dominate results directories, so a first pass opens each file once with few reads, without asking for
//! its size. Large files are hashed afterwards, longest first. Memory is one buffer for each thread.

use std::io::{self, Read as _};

use cap_std::fs::{Dir, File};
use sha2::{Digest, Sha256};

use super::{FileHash, HashError, error::lossy, walk::Job};
use crate::deadline::Deadline;
use crate::failure::HostFailure;
use crate::threads;

/// Read size in bytes. From 64 KiB to 4 MiB the speed was equal within 10 % (1.4 to 1.6 GB/s a core, SHA-NI), so this
/// is the smallest with few reads.
const BUFFER_BYTES: usize = 256 * 1024;

/// Larger files are hashed after the others, largest first, so that none starts last on a single core.
const LARGE_BYTES: u64 = 4 << 20;

/// Fewest files that are worth a thread of their own: most results are a handful of small files.
const LEAST_FILES: usize = 32;

/// The hash of one file, or its name with the error.
pub(super) type Hashed = Result<FileHash, (Vec<u8>, HashError)>;

/// Result of the first pass for a file.
enum First {
    Done(Hashed),
    Large { number: usize, size: u64 },
}

/// Hashes all files. Links are resolved from `root`. The order of results is arbitrary.
pub(super) fn hash_all(root: &Dir, jobs: &[Job], deadline: &Deadline) -> Result<Vec<Hashed>, HostFailure> {
    let first = threads::each_with(jobs.len(), LEAST_FILES, buffer, |buffer, number| {
        Ok::<_, HostFailure>(hash_if_small(root, &jobs[number], number, buffer, deadline))
    })?;
    let mut done = Vec::with_capacity(jobs.len());
    let mut large = Vec::new();
    for outcome in first {
        match outcome {
            First::Done(hashed) => done.push(hashed),
            First::Large { number, size } => large.push((size, number)),
        }
    }
    // Threads take them one by one in this order.
    large.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    done.extend(threads::each(large.len(), 1, |index| {
        Ok::<_, HostFailure>(hash_large(root, &jobs[large[index].1], deadline))
    })?);
    Ok(done)
}

fn buffer() -> Vec<u8> {
    vec![0; BUFFER_BYTES]
}

/// Hashes the file, unless it is so large that it should be begun before others.
fn hash_if_small(root: &Dir, job: &Job, number: usize, buffer: &mut [u8], deadline: &Deadline) -> First {
    let mut file = match open(root, job) {
        Ok(file) => file,
        Err(error) => return First::Done(Err((job.name.clone(), error))),
    };
    match begin(&mut file, buffer, deadline) {
        Ok(Begun::Large(size)) => First::Large { number, size },
        Ok(Begun::Hashed(sha256, size)) => First::Done(Ok(FileHash { name: job.name.clone(), sha256, size })),
        Err(source) => First::Done(Err(read_error(job, source))),
    }
}

/// Result of the first read of a file.
enum Begun {
    Hashed([u8; 32], u64),
    /// Its size by the host, which affects only the order of work.
    Large(u64),
}

/// Fills the buffer once; the size is read only for longer files.
fn begin(file: &mut File, buffer: &mut [u8], deadline: &Deadline) -> io::Result<Begun> {
    deadline.check_io()?;
    let len = fill(file, buffer)?;
    if len < buffer.len() {
        deadline.hashed(len);
        return Ok(Begun::Hashed(Sha256::digest(&buffer[..len]).into(), len as u64));
    }
    let size = file.metadata()?.len();
    if size > LARGE_BYTES {
        return Ok(Begun::Large(size));
    }
    deadline.hashed(len);
    let (sha256, size) = stream(file, Sha256::new_with_prefix(&*buffer), len as u64, buffer, deadline)?;
    Ok(Begun::Hashed(sha256, size))
}

fn hash_large(root: &Dir, job: &Job, deadline: &Deadline) -> Hashed {
    let mut file = match open(root, job) {
        Ok(file) => file,
        Err(error) => return Err((job.name.clone(), error)),
    };
    match stream(&mut file, Sha256::new(), 0, &mut buffer(), deadline) {
        Ok((sha256, size)) => Ok(FileHash { name: job.name.clone(), sha256, size }),
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
        deadline.hashed(len);
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

fn read_error(job: &Job, source: io::Error) -> (Vec<u8>, HashError) {
    (job.name.clone(), HashError::io("read", &job.name, source))
}
