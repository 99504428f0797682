//! Bytes of a piece as a file.

use std::io;

use bacalhau_tree::{Deadline, Entry, Kind, ReadAt, Stat, Tree};

use super::range::Range;

/// A file. The identity is that of its place, which [`Combo`](crate::Combo) has.
#[derive(Debug)]
pub(super) struct RawFile {
    /// Its bytes.
    pub(super) bytes: Range,
    /// The CID of the piece.
    pub(super) cid: String,
}

impl Tree for RawFile {
    fn stat(&self, _path: &str) -> io::Result<Stat> {
        Ok(Stat::new(Kind::File, self.bytes.len))
    }

    fn list(&self, _path: &str) -> io::Result<Vec<Entry>> {
        Err(io::ErrorKind::NotADirectory.into())
    }

    fn open(&self, _path: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(self.bytes.clone()))
    }

    fn read_link(&self, _path: &str) -> io::Result<String> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok(self.cid.clone())
    }
}
