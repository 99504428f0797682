//! Index of an archive: sorted entries of fixed size, in buckets of some dozens that are read on demand, so that a
//! large index opens as fast as a small one. `index_file` has the file format.
//!
//! An index is not trusted: the block it points to is compared with the requested CID and hashed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::{Entry, Key};
use crate::DataError;

/// Entries that a bucket has on average, at most.
pub(super) const BUCKET_ENTRIES: usize = 64;
/// Maximum entries of a bucket. More keys with the same prefix are not hashes.
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

/// Entries whose keys begin with the same bits.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Where in the file it is.
    pub(super) at: u64,
    /// Length in bytes.
    pub(super) len: usize,
    /// Checksum of these bytes.
    pub(super) checksum: [u8; 8],
    /// The entries, once read.
    pub(super) entries: OnceLock<Box<[Entry]>>,
}

impl Index {
    /// The index in `file`, whose bucket table was read.
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

/// Sorts entries for an index, and returns the number of bits that select a bucket.
///
/// # Errors
/// When the CIDs of `name` are not plausible.
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
