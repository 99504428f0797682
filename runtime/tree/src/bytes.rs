//! A file in memory as an input tree.

use std::io;
use std::sync::Arc;

use crate::deadline::Deadline;
use crate::link::Link;
use crate::tree::{Entry, Kind, ReadAt, Stat, Tree};

/// An input that is one file with these bytes.
#[derive(Clone)]
pub struct BytesTree(Arc<[u8]>);

impl BytesTree {
    /// A file that contains `bytes`.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }
}

impl Tree for BytesTree {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        only_root(path)?;
        Ok(Stat::new(Kind::File, self.0.len() as u64))
    }

    fn list(&self, _: &str) -> io::Result<Vec<Entry>> {
        Err(io::ErrorKind::NotADirectory.into())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        only_root(path)?;
        Ok(Box::new(self.clone()))
    }

    fn read_link(&self, _: &str) -> io::Result<String> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        deadline.check_io()?;
        deadline.hashed(self.0.len());
        Ok(Link::of_raw(&self.0).to_string())
    }
}

impl ReadAt for BytesTree {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).map_or(self.0.len(), |offset| offset.min(self.0.len()));
        let read = buf.len().min(self.0.len() - from);
        buf[..read].copy_from_slice(&self.0[from..from + read]);
        Ok(read)
    }
}

fn only_root(path: &str) -> io::Result<()> {
    if path.is_empty() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

impl std::fmt::Debug for BytesTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BytesTree").field("bytes", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::identity_of;

    #[test]
    fn its_identity_is_that_of_a_file_with_these_bytes() {
        let tree = BytesTree::new(*b"hello world");
        let wanted = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        assert_eq!(tree.identity(&Deadline::never()).unwrap(), wanted);
        assert_eq!(identity_of(&tree, &Deadline::never()).unwrap(), wanted);
        let mut buf = [0; 8];
        assert_eq!((tree.read_at(&mut buf, 6).unwrap(), &buf[..5]), (5, &b"world"[..]));
        assert_eq!(tree.read_at(&mut buf, u64::MAX).unwrap(), 0);
    }
}
