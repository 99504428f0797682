//! Where in an archive each block is: sorted entries of one size, in buckets of some dozens that are read when the first of
//! them is asked for. So a large index is opened as fast as a small one. How it lies on disk is the business of `index_file`.
//!
//! An index is never believed: what it points at is compared with the CID that was asked for, and hashed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::{Entry, Key};
use crate::DataError;

/// Entries that a bucket has on average, at most.
pub(super) const BUCKET_ENTRIES: usize = 64;
/// Entries that a bucket has at most: where more hashes begin alike, they are no hashes.
const MAX_BUCKET_ENTRIES: usize = 4096;
/// Places that are kept of one block.
const MAX_COPIES: usize = 4;

/// Bytes of a checksum.
pub(super) const SUM_BYTES: usize = 8;

/// Enough of a hash to find damage.
pub(super) fn checksum(bytes: &[u8]) -> [u8; SUM_BYTES] {
    let mut sum = [0; SUM_BYTES];
    sum.copy_from_slice(&Sha256::digest(bytes)[..SUM_BYTES]);
    sum
}

/// An index on disk that was opened.
#[derive(Debug)]
pub(super) struct Index {
    file: File,
    buckets: Vec<Bucket>,
}

/// Some entries, of keys that begin with the same bits.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Where in the file it is.
    pub(super) at: u64,
    /// Bytes of it.
    pub(super) len: usize,
    /// Of these bytes.
    pub(super) checksum: [u8; 8],
    /// What it holds, once it was read.
    pub(super) entries: OnceLock<Box<[Entry]>>,
}

impl Index {
    /// That of `file`, of which the table of buckets was read.
    pub(super) fn new(file: File, buckets: Vec<Bucket>) -> Self {
        Self { file, buckets }
    }

    /// Entries of `key`, in the order of the archive.
    pub(super) fn find(&self, key: &Key) -> io::Result<&[Entry]> {
        let bucket = self.bucket(&self.buckets[key.bucket(self.buckets.len().trailing_zeros())])?;
        let begin = bucket.partition_point(|entry| entry.key < *key);
        let len = bucket[begin..].partition_point(|entry| entry.key == *key);
        Ok(&bucket[begin..begin + len])
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.len / Entry::BYTES).sum()
    }

    /// All entries, by key.
    pub(super) fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::with_capacity(self.len());
        for bucket in &self.buckets {
            entries.extend_from_slice(self.bucket(bucket)?);
        }
        Ok(entries)
    }

    fn bucket<'a>(&self, bucket: &'a Bucket) -> io::Result<&'a [Entry]> {
        if let Some(entries) = bucket.entries.get() {
            return Ok(entries);
        }
        let mut bytes = vec![0; bucket.len];
        self.file.read_exact_at(&mut bytes, bucket.at)?;
        if checksum(&bytes) != bucket.checksum {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(bucket.entries.get_or_init(|| bytes.chunks_exact(Entry::BYTES).map(Entry::decode).collect()))
    }
}

/// Sorts entries as an index has them, and says how many bits name a bucket.
///
/// # Errors
/// When the CIDs of `name` cannot be those of blocks.
pub(super) fn arrange(entries: &mut Vec<Entry>, name: &str) -> Result<u32, DataError> {
    entries.sort_unstable();
    let mut copies = 0;
    let mut last = None;
    entries.retain(|entry| {
        copies = if last == Some(entry.key) { copies + 1 } else { 1 };
        last = Some(entry.key);
        copies <= MAX_COPIES
    });
    let bits = entries.len().div_ceil(BUCKET_ENTRIES).next_power_of_two().trailing_zeros();
    for bucket in entries.chunk_by(|one, other| one.key.bucket(bits) == other.key.bucket(bits)) {
        if bucket.len() > MAX_BUCKET_ENTRIES {
            let why = format!("{} of its CIDs begin alike, as hashes of blocks never do", bucket.len());
            return Err(DataError::malformed(name, why));
        }
    }
    Ok(bits)
}
