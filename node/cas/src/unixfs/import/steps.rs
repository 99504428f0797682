//! The steps of importing a tree or a stream, in the order of its blocks.

use std::io::Read;
use std::sync::Arc;

use bacalhau_tree::{Entry, Kind, ReadAt, Tree};
use rayon::prelude::*;

use super::leaf::{Leaf, Source, reading};
use crate::DataError;

/// One thing to do.
pub(super) enum Step<'t> {
    /// A chunk of the file under way.
    Leaf(Leaf<'t>),
    /// A link.
    Link { tree: &'t dyn Tree, path: String, name: String },
    /// Start of a directory's entries.
    DirStart,
    /// End of the directory with this name.
    DirEnd { name: String },
}

/// The steps of a tree: entries in the order of the bytes of their names, a directory after all that is in it.
pub(super) struct TreeWalk<'t> {
    tree: &'t dyn Tree,
    chunk_bytes: usize,
    /// The root, before it was looked at.
    start: bool,
    dirs: Vec<Dir>,
    file: Option<Large>,
}

/// A directory with remaining entries.
struct Dir {
    path: String,
    name: String,
    entries: std::vec::IntoIter<(Entry, u64)>,
}

/// A file of several chunks, which is opened once for all of them.
struct Large {
    path: Arc<str>,
    name: String,
    file: Arc<dyn ReadAt>,
    offset: u64,
    size: u64,
}

impl<'t> TreeWalk<'t> {
    pub(super) fn new(tree: &'t dyn Tree, chunk_bytes: usize) -> Self {
        Self { tree, chunk_bytes, start: true, dirs: Vec::new(), file: None }
    }

    fn step(&mut self) -> Result<Option<Step<'t>>, DataError> {
        if let Some(large) = self.file.take() {
            return Ok(Some(self.chunk_of(large)));
        }
        if std::mem::take(&mut self.start) {
            let stat = self.tree.stat("").map_err(|error| reading("", error))?;
            return self.enter(String::new(), String::new(), stat.kind, stat.size).map(Some);
        }
        let Some(dir) = self.dirs.last_mut() else { return Ok(None) };
        if let Some((Entry { name, kind }, size)) = dir.entries.next() {
            let path = joined(&dir.path, &name);
            return self.enter(path, name, kind, size).map(Some);
        }
        Ok(self.dirs.pop().map(|dir| Step::DirEnd { name: dir.name }))
    }

    fn enter(&mut self, path: String, name: String, kind: Kind, size: u64) -> Result<Step<'t>, DataError> {
        match kind {
            Kind::Link => Ok(Step::Link { tree: self.tree, path, name }),
            Kind::Dir => {
                let entries = self.list(&path)?.into_iter();
                self.dirs.push(Dir { path, name, entries });
                Ok(Step::DirStart)
            }
            Kind::File => match usize::try_from(size) {
                Ok(length) if length <= self.chunk_bytes => {
                    let source = Source::Whole(self.tree);
                    Ok(Step::Leaf(Leaf { path: path.into(), source, length, last: Some(name) }))
                }
                _ => {
                    let file = self.tree.open(&path).map_err(|error| reading(&path, error))?;
                    Ok(self.chunk_of(Large { path: path.into(), name, file: file.into(), offset: 0, size }))
                }
            },
        }
    }

    fn chunk_of(&mut self, mut large: Large) -> Step<'t> {
        let rest = large.size - large.offset;
        let length = usize::try_from(rest).map_or(self.chunk_bytes, |rest| rest.min(self.chunk_bytes));
        let source = Source::At(Arc::clone(&large.file), large.offset);
        let path = Arc::clone(&large.path);
        if length as u64 == rest {
            return Step::Leaf(Leaf { path, source, length, last: Some(large.name) });
        }
        large.offset += length as u64;
        self.file = Some(large);
        Step::Leaf(Leaf { path, source, length, last: None })
    }

    /// The entries of a directory with the sizes of its files, in order.
    fn list(&self, path: &str) -> Result<Vec<(Entry, u64)>, DataError> {
        let entries = self.tree.list(path).map_err(|error| reading(path, error))?;
        let sized = |entry: Entry| match entry.kind {
            Kind::File => {
                let file = joined(path, &entry.name);
                let stat = self.tree.stat(&file).map_err(|error| reading(&file, error))?;
                Ok((entry, stat.size))
            }
            Kind::Dir | Kind::Link => Ok((entry, 0)),
        };
        let mut entries = entries.into_par_iter().map(sized).collect::<Result<Vec<_>, DataError>>()?;
        entries.sort_unstable_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        Ok(entries)
    }
}

impl<'t> Iterator for TreeWalk<'t> {
    type Item = Result<Step<'t>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// The steps of a stream, which is one file.
pub(super) struct Stream<'r> {
    reader: Option<&'r mut (dyn Read + Send)>,
    chunk_bytes: usize,
    /// Read ahead by one chunk to recognize the last one.
    chunk: Vec<u8>,
}

impl<'r> Stream<'r> {
    /// Reads the first chunk.
    pub(super) fn new(reader: &'r mut (dyn Read + Send), chunk_bytes: usize) -> Result<Self, DataError> {
        let mut stream = Self { reader: Some(reader), chunk_bytes, chunk: Vec::new() };
        stream.chunk = stream.read()?;
        Ok(stream)
    }

    fn read(&mut self) -> Result<Vec<u8>, DataError> {
        let mut chunk = Vec::with_capacity(self.chunk_bytes);
        if let Some(reader) = &mut self.reader {
            let read = reader.by_ref().take(self.chunk_bytes as u64).read_to_end(&mut chunk);
            read.map_err(|error| reading("", error))?;
        }
        Ok(chunk)
    }

    fn step(&mut self) -> Result<Option<Step<'static>>, DataError> {
        if self.reader.is_none() {
            return Ok(None);
        }
        let next = self.read()?;
        let chunk = std::mem::replace(&mut self.chunk, next);
        let last = self.chunk.is_empty().then(String::new);
        if last.is_some() {
            self.reader = None;
        }
        let length = chunk.len();
        Ok(Some(Step::Leaf(Leaf { path: "".into(), source: Source::Bytes(chunk), length, last })))
    }
}

impl Iterator for Stream<'_> {
    type Item = Result<Step<'static>, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

fn joined(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.into() } else { format!("{dir}/{name}") }
}
