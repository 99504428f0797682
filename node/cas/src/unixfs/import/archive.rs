//! Writes a file or directory as a CAR without a store, byte-equal to that of `ipfs add` and `ipfs export`.
//!
//! An archive begins with its root, which is known only after hashing, so files are read twice: for the root and the
//! source of each block, then for writing. In between, about 200 bytes are held for each chunk.

use std::io::Write;
use std::sync::Arc;

use bacalhau_tree::Tree;

use super::reread::Reread;
use super::{Chunk, Imported, Profile, Sink, import};
use crate::car::CarWriter;
use crate::unixfs::{Bounds, Scope, Walk};
use crate::{Block, DataError};

/// An archive that is still to be written. Its tree must not change until then; if it does, that is found out.
#[derive(Debug)]
pub struct Archive {
    imported: Imported,
    blocks: Arc<Reread>,
}

impl Archive {
    /// Reads `tree` the first time. Calls `progress` with the number of bytes read.
    ///
    /// # Errors
    /// When an entry cannot be read.
    #[expect(clippy::needless_pass_by_value, reason = "it is kept")]
    pub fn of(tree: Arc<dyn Tree>, profile: Profile, progress: impl FnMut(u64) + Send) -> Result<Self, DataError> {
        let blocks = Reread::new(Arc::clone(&tree), profile.layout());
        let mut sink = Watched { blocks, progress };
        let imported = import(&*tree, profile, &mut sink)?;
        Ok(Self { imported, blocks: Arc::new(sink.blocks) })
    }

    /// Root and sizes of the import.
    pub fn imported(&self) -> &Imported {
        &self.imported
    }

    /// Total size of its blocks, each counted once, as reported by [`write`](Self::write).
    pub fn block_bytes(&self) -> u64 {
        self.blocks.bytes()
    }

    /// Writes every block once, and returns the flushed sink. Calls `progress` with the number of bytes written.
    ///
    /// # Errors
    /// When the tree has changed or cannot be read, or the sink fails; the archive is unusable then.
    pub fn write<W: Write>(&self, sink: W, mut progress: impl FnMut(u64)) -> Result<W, DataError> {
        let failed = |error| DataError::io("write an archive", error);
        let root = &self.imported.cid;
        let mut car = CarWriter::new(sink, &[*root]).map_err(failed)?;
        let mut written = 0;
        for block in Walk::new(Arc::clone(&self.blocks) as _, root, Scope::All, Bounds::default()) {
            let (cid, bytes) = block?;
            written += bytes.len() as u64;
            car.write(&Block::checked(cid, bytes)).map_err(failed)?;
            progress(written);
        }
        car.finish().map_err(failed)
    }
}

/// Reports progress of an import.
struct Watched<P> {
    blocks: Reread,
    progress: P,
}

impl<P: FnMut(u64) + Send> Sink for Watched<P> {
    fn put(&mut self, block: Block) -> Result<(), DataError> {
        self.blocks.put(block)
    }

    fn put_chunk(&mut self, block: Block, chunk: Chunk) -> Result<(), DataError> {
        self.blocks.put_chunk(block, chunk)
    }

    fn progress(&mut self, bytes: u64) {
        (self.progress)(bytes);
    }
}
