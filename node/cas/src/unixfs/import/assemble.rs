//! Assembles files and directories from their parts as they arrive, and emits every block after all blocks that it
//! links to.

use super::balanced::Balanced;
use super::directory;
use super::entry::Entry;
use super::out::{Out, Part};
use super::{Chunk, Imported, Layout, Sink};
use crate::{Block, DataError};

/// Result of a step.
pub(super) enum Done {
    Leaf { block: Block, chunk: Chunk, last: Option<String> },
    Link { block: Block, name: String },
    DirStart,
    DirEnd { name: String },
}

/// The incomplete files and directories.
pub(super) struct Assembler<'s> {
    out: Out<'s>,
    file: Balanced,
    /// The entries so far of the directories from the root to where we are.
    dirs: Vec<Vec<Entry>>,
    root: Option<Part>,
    bytes: u64,
}

impl<'s> Assembler<'s> {
    pub(super) fn new(layout: Layout, sink: &'s mut dyn Sink) -> Self {
        let out = Out { layout, sink, blocks: 0 };
        Self { out, file: Balanced::default(), dirs: Vec::new(), root: None, bytes: 0 }
    }

    /// Takes the next outcomes in.
    pub(super) fn take(&mut self, batch: Vec<Result<Done, DataError>>) -> Result<(), DataError> {
        batch.into_iter().try_for_each(|done| self.take_one(done?))
    }

    fn take_one(&mut self, done: Done) -> Result<(), DataError> {
        match done {
            Done::Leaf { block, chunk, last } => {
                let length = chunk.length as u64;
                let leaf = Part::of(&block, length);
                self.out.put_chunk(block, chunk)?;
                self.file.push(leaf, &mut self.out)?;
                self.bytes += length;
                self.out.sink.progress(self.bytes);
                let Some(name) = last else { return Ok(()) };
                if let Some(file) = self.file.finish(&mut self.out)? {
                    self.finished(name, file);
                }
            }
            Done::Link { block, name } => {
                let part = Part::of(&block, 0);
                self.out.put(block)?;
                self.finished(name, part);
            }
            Done::DirStart => self.dirs.push(Vec::new()),
            Done::DirEnd { name } => {
                let entries = self.dirs.pop().unwrap_or_default();
                let part = directory::put(entries, &mut self.out)?;
                self.finished(name, part);
            }
        }
        Ok(())
    }

    fn finished(&mut self, name: String, part: Part) {
        match self.dirs.last_mut() {
            Some(dir) => dir.push(Entry { name, part }),
            None => self.root = Some(part),
        }
    }

    /// The import, after all steps.
    pub(super) fn finish(self) -> Imported {
        #[expect(clippy::expect_used, reason = "the last step of every walk and stream ends its root")]
        let root = self.root.expect("an import ends with its root");
        Imported { cid: root.cid, bytes: self.bytes, blocks: self.out.blocks, total_size: root.total_size }
    }
}
