//! Writes an archive of version 1, byte for byte as other people's tools do.

use std::io::{self, Write};

use super::header::header_bytes;
use super::section::{put_head, write_section};
use crate::{Block, Cid};

/// Writes an archive.
#[derive(Debug)]
pub struct CarWriter<W> {
    sink: W,
    head: Vec<u8>,
}

impl<W: Write> CarWriter<W> {
    /// Writes the header. Other tools expect at least one root, and all roots among the blocks.
    ///
    /// # Errors
    /// Those of the sink, here and below.
    pub fn new(mut sink: W, roots: &[Cid]) -> io::Result<Self> {
        sink.write_all(&header_bytes(roots))?;
        Ok(Self { sink, head: Vec::new() })
    }

    /// Writes a block.
    ///
    /// # Errors
    /// Those of the sink; the archive is unusable then.
    pub fn write(&mut self, block: &Block) -> io::Result<()> {
        self.head.clear();
        put_head(&mut self.head, block.cid(), block.bytes().len());
        write_section(&mut self.sink, &self.head, block.bytes())
    }

    /// Completes the archive and returns the flushed sink.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self) -> io::Result<W> {
        self.sink.flush()?;
        Ok(self.sink)
    }
}
