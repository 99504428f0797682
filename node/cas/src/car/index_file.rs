//! The file of an index: a table of buckets that is read at once, and the buckets behind it. It is bound to its archive by size,
//! time of change and inode, and has checksums, so that one which is stale or damaged counts as none. It need not reach the
//! disk: it can always be made again.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;

use super::Entry;
use super::index::{Bucket, Index, SUM_BYTES, checksum};
use bacalhau_files::temporary;

const MAGIC: [u8; 8] = *b"car-idx1";
/// Magic, stamp, number of bits.
const HEAD_BYTES: usize = 8 + Stamp::BYTES + 8;
/// Of a bucket in the table: how many entries, checksum.
const ROW_BYTES: usize = 16;
/// 2^18 buckets of 64 are as many entries as are made.
const MAX_BITS: u32 = 18;

/// Identity of the indexed archive's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp([u64; 4]);

impl Stamp {
    const BYTES: usize = 32;

    /// The stamp of the file of `metadata`.
    pub(super) fn of(metadata: &Metadata) -> Self {
        let (seconds, nanoseconds) = (metadata.mtime().cast_unsigned(), metadata.mtime_nsec().cast_unsigned());
        Self([metadata.len(), seconds, nanoseconds, metadata.ino()])
    }

    /// The stamp of content with this hash, wherever it is.
    pub(super) fn of_content(hash: &[u8; 32]) -> Self {
        let (words, _) = hash.as_chunks();
        Self(std::array::from_fn(|at| u64::from_le_bytes(words[at])))
    }
}

/// Opens the index at `path`, if there is one, whole and, where a `stamp` is given, of the archive that has it.
pub(super) fn open(path: &Path, stamp: Option<&Stamp>) -> Option<Index> {
    let mut file = File::open(path).ok()?;
    let mut head = vec![0; HEAD_BYTES];
    file.read_exact(&mut head).ok()?;
    let bits = u32::try_from(number(&head, HEAD_BYTES - 8)).ok().filter(|bits| *bits <= MAX_BITS)?;
    if !head.starts_with(&MAGIC) || stamp.is_some_and(|stamp| head != head_bytes(stamp, bits)) {
        return None;
    }
    let mut table = vec![0; (ROW_BYTES << bits) + SUM_BYTES];
    file.read_exact(&mut table).ok()?;
    let sum = table.split_off(table.len() - SUM_BYTES);
    if checksum(&table)[..] != sum {
        return None;
    }
    let mut at = (HEAD_BYTES + table.len() + SUM_BYTES) as u64;
    let mut buckets = Vec::with_capacity(1 << bits);
    for row in table.chunks_exact(ROW_BYTES) {
        let len = usize::try_from(number(row, 0)).ok()?.checked_mul(Entry::BYTES)?;
        let mut checksum = [0; SUM_BYTES];
        checksum.copy_from_slice(&row[8..]);
        buckets.push(Bucket { at, len, checksum, entries: OnceLock::new() });
        at = at.checked_add(len as u64)?;
    }
    (file.metadata().ok()?.len() == at).then(|| Index::new(file, buckets))
}

/// Writes the index of the sorted `entries` to `path`, replacing an old one.
pub(super) fn write(path: &Path, stamp: &Stamp, bits: u32, entries: &[Entry]) -> io::Result<()> {
    let mut table = Vec::with_capacity(ROW_BYTES << bits);
    let mut body = Vec::with_capacity(entries.len() * Entry::BYTES);
    let mut rest = entries;
    for bucket in 0..1_usize << bits {
        let begin = body.len();
        let len = rest.partition_point(|entry| entry.key.bucket(bits) == bucket);
        rest[..len].iter().for_each(|entry| entry.encode(&mut body));
        rest = &rest[len..];
        table.extend_from_slice(&(len as u64).to_le_bytes());
        table.extend_from_slice(&checksum(&body[begin..]));
    }
    let mut file = temporary::file_in(path.parent().unwrap_or(path))?;
    file.write_all(&head_bytes(stamp, bits))?;
    file.write_all(&table)?;
    file.write_all(&checksum(&table))?;
    file.write_all(&body)?;
    file.persist(path)
}

fn head_bytes(stamp: &Stamp, bits: u32) -> Vec<u8> {
    let numbers = stamp.0.iter().copied().chain([u64::from(bits)]);
    MAGIC.into_iter().chain(numbers.flat_map(u64::to_le_bytes)).collect()
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}
