//! Reads the input trees of a run through a bounded number of open files and one window of read-ahead.
//! Every error here is the host's: the guest never sees it.

use std::io;
use std::sync::Arc;

use bacalhau_tree::{Entry, HostFailure, Kind, ReadAt, Tree};

use super::handles::Handles;
use super::node::{NodeId, Source};

/// Bytes read at once for a program that reads a file from front to back in small pieces.
const WINDOW_BYTES: usize = 128 << 10;
/// Minimum size of reads that go directly into the guest's memory.
const LARGE_READ_BYTES: usize = 32 << 10;

pub(super) struct Trees {
    inputs: Vec<(String, Arc<dyn Tree>)>,
    open: Handles<Box<dyn ReadAt>>,
    window: Window,
    bytes_read: u64,
}

/// The bytes of one file around the latest small read.
#[derive(Default)]
struct Window {
    of: Option<NodeId>,
    start: u64,
    bytes: Vec<u8>,
    /// Where the latest small read ended: one that begins there is sequential.
    read_to: u64,
}

impl Trees {
    pub(super) fn new(trees: Vec<(String, Arc<dyn Tree>)>) -> Self {
        Self { inputs: trees, open: Handles::default(), window: Window::default(), bytes_read: 0 }
    }

    /// Bytes that the guest has read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    pub(super) fn list(&self, source: &Source) -> Result<Vec<Entry>, HostFailure> {
        self.ask(source, "list", |tree, path| tree.list(path))
    }

    pub(super) fn kind(&self, source: &Source) -> Result<Kind, HostFailure> {
        self.ask(source, "look at", |tree, path| tree.stat(path)).map(|stat| stat.kind)
    }

    pub(super) fn size(&self, source: &Source) -> Result<u64, HostFailure> {
        self.ask(source, "look at", |tree, path| tree.stat(path)).map(|stat| stat.size)
    }

    pub(super) fn read_link(&self, source: &Source) -> Result<String, HostFailure> {
        self.ask(source, "read the link", |tree, path| tree.read_link(path))
    }

    /// Fills all of `buf`, which lies within the size that the file had when it was first looked at.
    pub(super) fn read(&mut self, id: NodeId, source: &Source, buf: &mut [u8], offset: u64) -> Result<(), HostFailure> {
        self.bytes_read += buf.len() as u64;
        if buf.len() >= LARGE_READ_BYTES {
            return self.read_through(id, source, buf, offset);
        }
        let sequential = self.window.of == Some(id) && self.window.read_to == offset;
        if !self.window.holds(id, buf.len(), offset) {
            if !sequential {
                self.window.of = Some(id);
                self.window.bytes.clear();
                self.window.read_to = offset + buf.len() as u64;
                return self.read_through(id, source, buf, offset);
            }
            self.fill_window(id, source, offset)?;
        }
        self.window.read_to = offset + buf.len() as u64;
        match self.window.get(buf.len(), offset) {
            Some(bytes) => buf.copy_from_slice(bytes),
            None => return Err(self.changed(source)),
        }
        Ok(())
    }

    fn fill_window(&mut self, id: NodeId, source: &Source, offset: u64) -> Result<(), HostFailure> {
        let mut bytes = std::mem::take(&mut self.window.bytes);
        bytes.resize(WINDOW_BYTES, 0);
        let read =
            self.file(id, source)?.read_at(&mut bytes, offset).map_err(|error| self.failed(source, "read", error))?;
        bytes.truncate(read);
        self.window = Window { of: Some(id), start: offset, bytes, read_to: offset };
        Ok(())
    }

    fn read_through(&mut self, id: NodeId, source: &Source, buf: &mut [u8], offset: u64) -> Result<(), HostFailure> {
        let wanted = buf.len();
        match self.file(id, source)?.read_at(buf, offset) {
            Ok(read) if read == wanted => Ok(()),
            Ok(_) => Err(self.changed(source)),
            Err(error) => Err(self.failed(source, "read", error)),
        }
    }

    fn file(&mut self, id: NodeId, source: &Source) -> Result<&dyn ReadAt, HostFailure> {
        let (place, tree) = &self.inputs[source.tree];
        let opened = self.open.get(id, || tree.open(&source.path));
        opened.map(AsRef::as_ref).map_err(|error| failure(place, source, "open", error))
    }

    fn ask<T>(
        &self,
        source: &Source,
        verb: &str,
        question: impl Fn(&dyn Tree, &str) -> io::Result<T>,
    ) -> Result<T, HostFailure> {
        question(self.inputs[source.tree].1.as_ref(), &source.path).map_err(|error| self.failed(source, verb, error))
    }

    fn failed(&self, source: &Source, verb: &str, error: io::Error) -> HostFailure {
        failure(&self.inputs[source.tree].0, source, verb, error)
    }

    fn changed(&self, source: &Source) -> HostFailure {
        let place = &self.inputs[source.tree].0;
        HostFailure::new(format!("the input at {place} changed while it was read: {:?} became shorter", source.path))
    }
}

impl Window {
    fn holds(&self, id: NodeId, length: usize, offset: u64) -> bool {
        self.of == Some(id) && self.get(length, offset).is_some()
    }

    fn get(&self, length: usize, offset: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }
}

fn failure(place: &str, source: &Source, verb: &str, error: io::Error) -> HostFailure {
    HostFailure::io(format!("{verb} {:?} of the input at {place}", source.path), error)
}
