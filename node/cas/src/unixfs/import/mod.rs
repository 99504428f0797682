//! Files and directories into DAGs, block for block as other tools make them from the same [`Profile`]. Whoever wants
//! the blocks is a [`Sink`]; nothing is stored here, and an import remembers nothing but names and CIDs of what is not
//! complete. An [`Archive`] remembers where each block comes from, and writes a CAR without a store.

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
use self::steps::{Step, Stream, Walk};
use super::super::{Block, DataError};
use crate::Cid;

pub use archive::Archive;
pub use profile::{Layout, Profile, ShardBy, UnknownProfile};
pub use prove::{Finding, Proof, disproved_by_kind, prove};

/// Who takes the blocks of an import. Any closure that takes a block is one.
pub trait Sink: Send {
    /// Takes a block. Every block comes after all that it links to and the root comes last, in an order that depends
    /// on nothing but the tree. A block that is in the tree twice comes twice.
    ///
    /// # Errors
    /// End the import.
    fn put(&mut self, block: Block) -> Result<(), DataError>;

    /// Takes a block that is a chunk of a file, for whoever wants to know of which.
    ///
    /// # Errors
    /// As for `put`.
    fn put_chunk(&mut self, block: Block, _chunk: Chunk) -> Result<(), DataError> {
        self.put(block)
    }

    /// Is told how many bytes of files have come so far.
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

/// What came of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The root.
    pub cid: Cid,
    /// Bytes of all files.
    pub bytes: u64,
    /// Blocks that were handed on.
    pub blocks: u64,
    /// Bytes of all blocks, equal ones counted each time: what a link to the root says.
    pub total_size: u64,
}

/// Imports `tree`: the file or directory that it is, with its links as links.
///
/// Reads and hashes on the threads of rayon's current pool, where the sink is called as well, one block at a time.
/// At most some tens of MiB are held.
///
/// # Errors
/// When something cannot be read, has another length than it was said to have, or `sink` fails.
pub fn import(tree: &dyn Tree, profile: Profile, sink: &mut dyn Sink) -> Result<Imported, DataError> {
    let layout = profile.layout();
    run(Walk::new(tree, layout.chunk_bytes), layout, sink)
}

/// Imports what `reader` gives as one file.
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
