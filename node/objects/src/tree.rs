//! Objects as a read-only tree of files.

use std::fmt;
use std::io;
use std::sync::Arc;

use bacalhau_tree::{Deadline, Entry, Kind, OnceIdentity, ReadAt, Stat, Tree, identity_of};
use bytes::Bytes;
use object_store::{GetOptions, GetRange, ObjectStore};

use super::blocks::{BLOCK_BYTES, Blocks};
use super::error::Why;
use super::listing::{Listing, Object};
use super::wait::wait;
use super::{ObjectError, ObjectUrl};

/// The tree of the objects at a URL.
pub(crate) struct ObjectTree {
    shared: Arc<Shared>,
    listing: Listing,
    identity: OnceIdentity,
}

struct Shared {
    store: Arc<dyn ObjectStore>,
    url: ObjectUrl,
    blocks: Blocks,
}

impl ObjectTree {
    /// The tree of `listing` at `url` in `store`.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, url: ObjectUrl, listing: Listing) -> Self {
        let shared = Arc::new(Shared { store, url, blocks: Blocks::default() });
        Self { shared, listing, identity: OnceIdentity::default() }
    }

    fn absent(&self, path: &str) -> io::Error {
        let at = self.shared.at(path);
        ObjectError::new("read", &at, Why::Absent).into()
    }
}

impl Tree for ObjectTree {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        match self.listing.object(path) {
            Some(object) => Ok(Stat::new(Kind::File, object.size)),
            None if self.listing.is_dir(path) => Ok(Stat::new(Kind::Dir, 0)),
            None => Err(self.absent(path)),
        }
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.listing.entries(path).ok_or_else(|| self.absent(path))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        let object = self.listing.object(path).ok_or_else(|| self.absent(path))?;
        Ok(Box::new(OpenObject { shared: Arc::clone(&self.shared), object: object.clone(), path: path.into() }))
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        Err(self.absent(path))
    }

    fn identity(&self, deadline: &Deadline) -> io::Result<String> {
        self.identity.get(deadline, || identity_of(self, deadline))
    }

    /// Lists again: an object that was added, removed or replaced meanwhile is found by its `ETag`.
    fn check_unchanged(&self, deadline: &Deadline) -> io::Result<()> {
        deadline.check_io()?;
        let Shared { store, url, .. } = &*self.shared;
        if Listing::read(store, url)? == self.listing {
            return Ok(());
        }
        Err(ObjectError::new("use", url, Why::Changed).into())
    }
}

impl Shared {
    fn at(&self, path: &str) -> ObjectUrl {
        if path.is_empty() { self.url.clone() } else { self.url.join(path) }
    }
}

/// An object that is open for reading.
struct OpenObject {
    shared: Arc<Shared>,
    object: Object,
    path: String,
}

impl OpenObject {
    /// Requests the block that begins at byte `from`, of the version that was listed.
    fn fetch(&self, from: u64) -> io::Result<Bytes> {
        let until = (from + BLOCK_BYTES).min(self.object.size);
        let options = GetOptions {
            if_match: self.object.e_tag.clone(),
            range: Some(GetRange::Bounded(from..until)),
            ..GetOptions::default()
        };
        let (store, path) = (Arc::clone(&self.shared.store), self.object.path.clone());
        let (size, e_tag) = (self.object.size, self.object.e_tag.clone());
        let got = wait(async move {
            let answer = store.get_opts(&path, options).await?;
            let is_same = answer.meta.size == size && (e_tag.is_none() || answer.meta.e_tag == e_tag);
            Ok(if is_same { Some(answer.bytes().await?) } else { None })
        });
        let failed = |why| ObjectError::new("read", &self.shared.at(&self.path), why);
        let bytes = got.map_err(|error| ObjectError::of("read", &self.shared.at(&self.path), error))?;
        match bytes {
            Some(bytes) if bytes.len() as u64 == until - from => Ok(bytes),
            Some(_) => Err(failed(Why::Unusable("the store sent another range than requested".into())).into()),
            None => Err(failed(Why::Changed).into()),
        }
    }
}

impl ReadAt for OpenObject {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() && offset + (filled as u64) < self.object.size {
            let at = offset + filled as u64;
            let number = at / BLOCK_BYTES;
            let begin = number * BLOCK_BYTES;
            let block = self.shared.blocks.get(&self.object.path, number, || self.fetch(begin))?;
            // Within a block, which is in memory.
            let rest = usize::try_from(at - begin).ok().and_then(|from| block.get(from..)).unwrap_or_default();
            let count = rest.len().min(buf.len() - filled);
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buf[filled..filled + count].copy_from_slice(&rest[..count]);
            filled += count;
        }
        Ok(filled)
    }
}

impl fmt::Debug for ObjectTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.shared.url)
    }
}

#[cfg(test)]
mod tests;
