//! The segments of an aggregate as a directory. Each is opened when a program first looks into it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bacalhau_cas::{
    Cid,
    piece::{Commitment, is_piece_v1},
};
use bacalhau_tree::{Deadline, Entry, Kind, ReadAt, Stat, Tree};

use super::contents::{Contents, Part};
use super::reading::Reading;

/// The directory.
#[derive(Debug)]
pub(super) struct AggregateTree {
    reading: Arc<Reading>,
    /// By their names. A segment that lies in several places is one entry.
    parts: BTreeMap<String, Part>,
    /// Those that were opened. Not locked while one is opened.
    open: Mutex<BTreeMap<String, Arc<dyn Tree>>>,
}

impl AggregateTree {
    /// The directory of `parts`.
    pub(super) fn new(reading: Arc<Reading>, parts: &[Part]) -> Self {
        let parts = parts.iter().map(|part| (part.cid.clone(), part.clone())).collect();
        Self { reading, parts, open: Mutex::default() }
    }

    fn part(&self, name: &str) -> io::Result<&Part> {
        self.parts.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The tree of the segment that `path` is in, and the path below.
    fn below<'p>(&self, path: &'p str) -> io::Result<(Arc<dyn Tree>, &'p str)> {
        let (name, rest) = path.split_once('/').unwrap_or((path, ""));
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tree) = open().get(name) {
            return Ok((Arc::clone(tree), rest));
        }
        let made = self.reading.part(self.part(name)?)?;
        Ok((Arc::clone(open().entry(name.into()).or_insert(made)), rest))
    }
}

impl Tree for AggregateTree {
    fn stat(&self, path: &str) -> io::Result<Stat> {
        if path.is_empty() {
            return Ok(Stat::new(Kind::Dir, 0));
        }
        match self.parts.get(path) {
            Some(part) if part.contents.is_dir() => Ok(Stat::new(Kind::Dir, 0)),
            Some(Part { contents: Contents::File, size, .. }) => Ok(Stat::new(Kind::File, *size)),
            _ => {
                let (tree, rest) = self.below(path)?;
                tree.stat(rest)
            }
        }
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        if !path.is_empty() {
            let (tree, rest) = self.below(path)?;
            return tree.list(rest);
        }
        let kind = |part: &Part| if part.contents.is_dir() { Kind::Dir } else { Kind::File };
        Ok(self.parts.iter().map(|(name, part)| Entry { name: name.clone(), kind: kind(part) }).collect())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        let (tree, rest) = self.below(path)?;
        tree.open(rest)
    }

    fn read_link(&self, path: &str) -> io::Result<String> {
        let (tree, rest) = self.below(path)?;
        tree.read_link(rest)
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok(self.reading.cid.clone())
    }
}

/// `path` with the name of its segment in full. A segment may also be named by its CID of version 1, or by that of version 2
/// with another number of bytes of payload.
pub(super) fn in_full<'p>(parts: &[Part], path: &'p str) -> Cow<'p, str> {
    let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Ok(wanted) = name.parse::<Cid>() else { return path.into() };
    let is_meant = |part: &&Part| {
        let of_part = part.cid.parse().ok().and_then(|cid| Commitment::from_v2(&cid).ok());
        of_part.is_some_and(|part| {
            is_piece_v1(&wanted) && part.cid_v1() == wanted
                || Commitment::from_v2(&wanted)
                    .is_ok_and(|wanted| (wanted.root(), wanted.height()) == (part.root(), part.height()))
        })
    };
    match parts.iter().find(is_meant) {
        None => path.into(),
        Some(part) => rest.map_or_else(|| part.cid.clone(), |rest| format!("{}/{rest}", part.cid)).into(),
    }
}
