//! An archive as it comes: from a gateway, or to be imported. Blocks are checked one by one, so nothing has to be kept.

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
    /// Reads the header of `source`, which is called `name` in messages.
    ///
    /// # Errors
    /// When it cannot be read or is no archive.
    pub fn new(name: impl Into<String>, source: R) -> Result<Self, DataError> {
        let mut input = Input::new(name.into(), source, READ_BYTES);
        let roots = read_header(&mut input)?;
        Ok(Self { input, roots, over: false })
    }

    /// What the writer of the archive calls the beginnings of its DAGs. They need not be in it.
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
