//! Go's `h1:` directory hash (`golang.org/x/mod/sumdb/dirhash`, `HashDir` with `Hash1`), byte for byte, in parallel.
//!
//! Nodes vote with it, so it equals the hash in `go.sum` of the same tree on any host: each file becomes the line
//! `<sha256 in hex>  <prefix>/<path>\n`, the lines are sorted by the bytes of the whole name, and the hash is `h1:` +
//! base64 of the SHA-256 of those lines. Empty directories, modes, owners and times do not count; names are raw bytes
//! without Unicode normalisation.
//!
//! Two differences from Go are intended, and both are errors: a link that leaves the tree (Go follows it, and would
//! hash a file of the host), and a special file such as a pipe (Go would block on it).
//!
//! `results.rs` decides which trees are valid results.

mod error;
mod names;
mod read;
mod walk;

use std::{borrow::Cow, path::Path};

use cap_std::{ambient_authority, fs::Dir};
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::deadline::Deadline;
pub use error::HashError;
use names::{Prefix, clean};
use walk::{Job, Walk};

/// How many files are handed to the threads at once. Bounds the memory for open work, not for names.
const BATCH_FILES: usize = 16_384;

/// How many directories may stay open for one batch. With `walk::HELD` it keeps us below the usual 1024 descriptors.
const BATCH_DIRS: usize = 256;

/// The hash of a directory and of every file in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirHash {
    /// `h1:` and 44 characters of padded standard base64, as in `go.sum`.
    pub h1: String,
    /// Every file that was hashed, in the order of the lines (bytes of the name).
    pub files: Vec<FileHash>,
}

/// One file of a hashed directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHash {
    /// Path below the directory, parts separated by `/`, without the prefix. Raw bytes: need not be UTF-8.
    pub name: Vec<u8>,
    /// SHA-256 of the content. For a link: of the content it points to.
    pub sha256: [u8; 32],
    /// How many bytes were hashed.
    pub size: u64,
}

impl FileHash {
    /// The SHA-256 in lower-case hexadecimal, as in the lines that are hashed.
    pub fn sha256_hex(&self) -> String {
        hex(&self.sha256).iter().copied().map(char::from).collect()
    }

    /// The name for people: bytes that are not UTF-8 are replaced.
    pub fn name_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.name)
    }
}

/// Hashes the directory `dir` as Go's `HashDir(dir, prefix, Hash1)` does; Bacalhau's prefix is `results`.
///
/// Uses at most 8 threads, which end with the call. Memory is bounded by the names of the files, not by their content.
///
/// # Errors
/// The error of the first file in name order, independent of threads: see [`HashError`]. Names with a newline, links to
/// directories, broken links, and a `dir` that is a link are errors as in Go. A `prefix` that Go would strip wrongly
/// (`./r`, `r//s`, or `.` with a file `.hidden`) is an error too.
pub fn hash_dir(dir: &Path, prefix: &str) -> Result<DirHash, HashError> {
    hash_dir_until(dir, prefix, &Deadline::never())
}

/// [`hash_dir`] with a deadline.
///
/// # Errors
/// As for [`hash_dir`], and soon after the deadline.
pub fn hash_dir_until(dir: &Path, prefix: &str, deadline: &Deadline) -> Result<DirHash, HashError> {
    let root = open_root(dir)?;
    let prefix = Prefix::new(prefix);
    let mut walk = Walk::new(root);
    let mut found = Found::default();
    loop {
        let more = next_batch(&mut walk, &mut found, &prefix);
        let jobs = found.take_jobs();
        deadline.check_io().map_err(|source| HashError::io("list", b"", source))?;
        let hashed = read::hash_all(walk.root(), &jobs, deadline);
        found.record(hashed.map_err(|failure| HashError::io("read", b"", failure.into()))?);
        if !more {
            break;
        }
    }
    let files = found.finish()?;
    let h1 = hash1(files.iter().map(|file| (prefix.full_name(&file.name), file.sha256)))?;
    Ok(DirHash { h1, files })
}

/// Go's `Hash1` over a list: names as they shall appear in the lines, and the SHA-256 of each content, in any order.
///
/// # Errors
///
/// [`HashError::Newline`] for the first name in order that holds one: the lines could then be read in two ways.
pub fn hash1<N: AsRef<[u8]>>(lines: impl IntoIterator<Item = (N, [u8; 32])>) -> Result<String, HashError> {
    let mut lines: Vec<(N, [u8; 32])> = lines.into_iter().collect();
    lines.sort_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
    let mut hasher = Sha256::new();
    for (name, sha256) in &lines {
        let name = name.as_ref();
        if name.contains(&b'\n') {
            return Err(HashError::newline(name));
        }
        hasher.update(hex(sha256));
        hasher.update(b"  ");
        hasher.update(name);
        hasher.update(b"\n");
    }
    Ok(format!("h1:{}", BASE64.encode(&hasher.finalize())))
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = [0; 64];
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    out
}

/// Opens `dir`, which must be a directory and not a link. Cleans the path lexically first, as Go does, so that a
/// trailing slash does not resolve a link.
fn open_root(dir: &Path) -> Result<Dir, HashError> {
    let path = clean(dir);
    let failed = |source| HashError::Root { path: path.clone(), source };
    let Some(name) = path.file_name() else {
        // `.`, `..` and `/` are never links.
        return Dir::open_ambient_dir(&path, ambient_authority()).map_err(failed);
    };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let parent = Dir::open_ambient_dir(parent, ambient_authority()).map_err(failed)?;
    if !parent.symlink_metadata(name).map_err(failed)?.is_dir() {
        return Err(HashError::NotADirectory { path });
    }
    parent.open_dir(name).map_err(failed)
}

/// Results of the walk and the threads so far.
#[derive(Default)]
struct Found {
    jobs: Vec<Job>,
    files: Vec<FileHash>,
    /// The error with the least name in byte order.
    first_error: Option<(Vec<u8>, HashError)>,
}

impl Found {
    fn fail(&mut self, name: Vec<u8>, error: HashError) {
        if self.first_error.as_ref().is_none_or(|(least, _)| name < *least) {
            self.first_error = Some((name, error));
        }
    }

    /// The jobs that can still change the outcome: after an error only files before it in name order can.
    fn take_jobs(&mut self) -> Vec<Job> {
        let mut jobs = std::mem::take(&mut self.jobs);
        if let Some((least, _)) = &self.first_error {
            jobs.retain(|job| job.name < *least);
        }
        jobs
    }

    fn record(&mut self, results: Vec<read::Hashed>) {
        for result in results {
            match result {
                Ok(file) => self.files.push(file),
                Err((name, error)) => self.fail(name, error),
            }
        }
    }

    fn finish(mut self) -> Result<Vec<FileHash>, HashError> {
        if let Some((_, error)) = self.first_error {
            return Err(error);
        }
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(self.files)
    }
}

/// Walks until there is enough for the threads to do. False when the walk is over.
fn next_batch(walk: &mut Walk, found: &mut Found, prefix: &Prefix) -> bool {
    for _ in 0..BATCH_DIRS {
        let Some(listing) = walk.next() else { return false };
        for (name, error) in listing.errors {
            found.fail(name, error);
        }
        for job in listing.jobs {
            match prefix.check(&job.name) {
                Ok(()) => found.jobs.push(job),
                Err(error) => found.fail(job.name, error),
            }
        }
        if found.jobs.len() >= BATCH_FILES {
            break;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_sorted_by_raw_bytes_and_a_newline_is_refused() {
        let lines = [("a/b", [1; 32]), ("a-b", [2; 32])];
        let turned = [lines[1], lines[0]];
        assert_eq!(hash1(lines).ok(), hash1(turned).ok());
        assert!(hash1(lines).is_ok());
        assert!(matches!(hash1([("a\nb", [0; 32])]), Err(HashError::Newline { .. })));
    }
}
