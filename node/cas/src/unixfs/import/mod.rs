//! Imports files and directories as DAGs, block for block equal to other tools with the same [`Profile`]. A [`Sink`]
//! receives the blocks; an import holds only names and CIDs of incomplete parts. An [`Archive`] also remembers the
//! source of each block, and writes a CAR without a store.

mod archive;
mod assemble;
mod balanced;
mod buffers;
mod directory;
mod entry;
mod leaf;
mod out;
mod pipeline;
mod profile;
mod prove;
mod reread;
mod shard;
mod steps;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::sync::Arc;

use bacalhau_tree::Tree;

use self::assemble::Assembler;
use self::steps::{Step, Stream, TreeWalk};
use super::super::{Block, DataError};
use crate::Cid;

pub use archive::Archive;
pub use profile::{Layout, Profile, ShardBy, UnknownProfile};
pub use prove::{Finding, Proof, disproved_by_kind, prove};

/// Receives the blocks of an import. Closures that take a block implement it.
pub trait Sink: Send {
    /// Receives a block. Every block comes after all blocks that it links to, and the root last, in an order that
    /// depends only on the tree. Duplicate blocks are repeated.
    ///
    /// # Errors
    /// They end the import.
    fn put(&mut self, block: Block) -> Result<(), DataError>;

    /// Receives a block that is a chunk of a file, with its source.
    ///
    /// # Errors
    /// As for `put`.
    fn put_chunk(&mut self, block: Block, _chunk: Chunk) -> Result<(), DataError> {
        self.put(block)
    }

    /// Called with the number of bytes of files read so far.
    fn progress(&mut self, _bytes: u64) {}
}

impl<F: FnMut(Block) -> Result<(), DataError> + Send> Sink for F {
    fn put(&mut self, block: Block) -> Result<(), DataError> {
        self(block)
    }
}

/// Where the bytes of a block are in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The file; empty where it is all there is.
    pub path: Arc<str>,
    /// Where in the file it begins.
    pub offset: u64,
    /// How many of its bytes it has.
    pub length: usize,
}

/// Result of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The root.
    pub cid: Cid,
    /// Bytes of all files.
    pub bytes: u64,
    /// Blocks that were handed on.
    pub blocks: u64,
    /// Total size of all blocks in bytes, with duplicates, as in a link to the root.
    pub total_size: u64,
}

/// Imports `tree`, a file or directory, with its links as links.
///
/// Reads and hashes on the threads of the current rayon pool, where the sink is called too, with one block at a time.
/// Holds at most some tens of MiB.
///
/// # Errors
/// When an entry cannot be read or changes its length, or `sink` fails.
pub fn import(tree: &dyn Tree, profile: Profile, sink: &mut dyn Sink) -> Result<Imported, DataError> {
    let layout = profile.layout();
    run(TreeWalk::new(tree, layout.chunk_bytes), layout, sink)
}

/// Imports the data of `reader` as one file.
///
/// # Errors
/// When `reader` or `sink` fails.
pub fn import_reader(
    reader: &mut (dyn Read + Send),
    profile: Profile,
    sink: &mut dyn Sink,
) -> Result<Imported, DataError> {
    let layout = profile.layout();
    run(Stream::new(reader, layout.chunk_bytes)?, layout, sink)
}

fn run<'t>(
    steps: impl Iterator<Item = Result<Step<'t>, DataError>> + Send,
    layout: Layout,
    sink: &mut dyn Sink,
) -> Result<Imported, DataError> {
    let mut assembler = Assembler::new(layout, sink);
    pipeline::run(steps, layout, &mut assembler)?;
    Ok(assembler.finish())
}
