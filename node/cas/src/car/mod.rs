//! CAR archives (<https://ipld.io/specs/transport/car/>): read and written as streams, and read in place. A file is
//! indexed once, then each block is one read. Packs of the block store are archives too.
//!
//! Reads versions 1 and 2, writes version 1. The index of version 2 is not used, because it has no lengths and is not
//! trustworthy.

mod entry;
mod file;
mod header;
mod index;
mod index_file;
mod input;
mod part;
mod placed;
mod reader;
mod scan;
mod section;
#[cfg(test)]
mod tests;
mod writer;

pub use file::CarFile;
pub use part::{CarPart, roots_of};
pub use reader::CarReader;
pub use writer::CarWriter;

pub(super) use entry::{Entry, Key};
pub(super) use file::Tail;
pub(super) use header::header_bytes;
pub(super) use scan::{Depth, scan};
pub(super) use section::{put_head, write_section};

/// Largest header that is read: some 25,000 roots.
const MAX_HEADER_BYTES: usize = 1 << 20;
/// Longest binary CID: a version, a codec and a hash function of nine bytes, a length of two, and a digest of 128.
const MAX_CID_BYTES: usize = 1 + 9 + 9 + 2 + bacalhau_tree::MAX_DIGEST_BYTES;
