//! A tree in memory, to import from.

use std::collections::BTreeMap;
use std::io;

use bacalhau_tree::{Deadline, Entry, Kind, ReadAt, Stat, Tree};
use bytes::Bytes;

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    File(Bytes),
    Link(String),
    Dir(BTreeMap<String, Item>),
}

impl Item {
    pub(super) fn file(bytes: impl Into<Bytes>) -> Self {
        Self::File(bytes.into())
    }

    pub(super) fn dir<N: Into<String>>(entries: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Dir(entries.into_iter().map(|(name, item)| (name.into(), item)).collect())
    }

    fn at(&self, path: &str) -> io::Result<&Self> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(self, |item, name| match item {
            Self::Dir(entries) => entries.get(name).ok_or_else(|| io::ErrorKind::NotFound.into()),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::File(_) => Kind::File,
            Self::Link(_) => Kind::Link,
            Self::Dir(_) => Kind::Dir,
        }
    }
}

impl Tree for Item {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        let item = self.at(path)?;
        let size = match item {
            Self::File(bytes) => bytes.len() as u64,
            Self::Link(target) => target.len() as u64,
            Self::Dir(_) => 0,
        };
        Ok(Stat::new(item.kind(), size))
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        let Self::Dir(entries) = self.at(path)? else { return Err(io::ErrorKind::NotADirectory.into()) };
        // The wrong way round: sorting is for whoever needs an order.
        Ok(entries.iter().rev().map(|(name, item)| Entry { name: name.clone(), kind: item.kind() }).collect())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        let Self::File(bytes) = self.at(path)? else { return Err(io::ErrorKind::IsADirectory.into()) };
        Ok(Box::new(Opened(bytes.clone())))
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        let Self::Link(target) = self.at(path)? else { return Err(io::ErrorKind::InvalidInput.into()) };
        Ok(target.clone())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(super) struct Opened(pub(super) Bytes);

impl ReadAt for Opened {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = self.0.len().min(usize::try_from(offset).unwrap());
        let length = buf.len().min(self.0.len() - start);
        buf[..length].copy_from_slice(&self.0[start..][..length]);
        Ok(length)
    }
}
