//! Reads an archive as a stream, from a gateway or for an import. Blocks are verified one by one.

use std::io::Read;

use super::header::read_header;
use super::input::Input;
use super::section::Head;
use crate::{Block, Cid, DataError};

/// Bytes that are read at once, where blocks are smaller.
const READ_BYTES: usize = 64 << 10;

/// Reads an archive from its beginning, block by block. Ends after the first error.
#[derive(Debug)]
pub struct CarReader<R> {
    input: Input<R>,
    roots: Vec<Cid>,
    over: bool,
}

impl<R: Read> CarReader<R> {
    /// Reads the header of `source`, called `name` in messages.
    ///
    /// # Errors
    /// When it cannot be read or is not an archive.
    pub fn new(name: impl Into<String>, source: R) -> Result<Self, DataError> {
        let mut input = Input::new(name.into(), source, READ_BYTES);
        let roots = read_header(&mut input)?;
        Ok(Self { input, roots, over: false })
    }

    /// The roots in the header. They need not be in the archive.
    pub fn roots(&self) -> &[Cid] {
        &self.roots
    }

    fn read_block(&mut self) -> Result<Option<Block>, DataError> {
        let Some(mut head) = Head::read(&mut self.input)? else { return Ok(None) };
        let left = head.left();
        self.input.fill(&mut head.begun, left, "a section")?;
        Block::new(head.cid, head.begun.into()).map(Some)
    }
}

impl<R: Read> Iterator for CarReader<R> {
    type Item = Result<Block, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let block = self.read_block().transpose();
        self.over = !matches!(block, Some(Ok(_)));
        block
    }
}
