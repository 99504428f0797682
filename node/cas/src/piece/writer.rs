//! Commits to bytes while they are written to somewhere else.

use std::io::{self, Read, Write};

use rayon::prelude::*;

use super::fr32::QUAD_BYTES;
use super::tree::{Frontier, Node, QUAD_LEVEL, quad, subtree};
use super::{Commitment, Layer};
use crate::DataError;

/// Level of the subtrees that one thread computes at once: a MiB of the piece. Nodes and data fit into the cache.
pub(super) const SUBTREE_LEVEL: u8 = 15;
/// Bytes of payload of such a subtree.
pub(super) const SUBTREE_BYTES: usize = QUAD_BYTES << (SUBTREE_LEVEL - QUAD_LEVEL);
/// Subtrees of a batch for each thread: a few, since some threads are later than others.
const SUBTREES_PER_THREAD: usize = 4;
/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;
/// Maximum subtrees of a batch, each with one MiB in memory.
const MAX_SUBTREES: usize = 64;

/// Forwards all written data to `W`, and commits to it. At most 64 MiB wait in memory until all threads of the current
/// rayon pool have work. Write sizes and thread counts affect only the speed.
#[derive(Debug)]
pub struct PieceWriter<W> {
    sink: W,
    /// Data that is not in a subtree yet.
    waiting: Vec<u8>,
    batch_bytes: usize,
    frontier: Frontier,
    /// Nodes of all subtrees, in order.
    subtrees: Vec<Node>,
    payload_size: u64,
}

impl<W: Write> PieceWriter<W> {
    /// Writes to `sink`; [`io::sink`] where only the commitment is wanted.
    pub fn new(sink: W) -> Self {
        let subtrees = (rayon::current_num_threads() * SUBTREES_PER_THREAD).min(MAX_SUBTREES);
        Self {
            sink,
            waiting: Vec::new(),
            batch_bytes: subtrees * SUBTREE_BYTES,
            frontier: Frontier::default(),
            subtrees: Vec::new(),
            payload_size: 0,
        }
    }

    /// Bytes that were written so far.
    pub fn payload_size(&self) -> u64 {
        self.payload_size
    }

    /// Commits to all data of `source`, called `name` in messages, and completes the piece. Writes nothing.
    ///
    /// # Errors
    /// When it cannot be read, or as for [`finish`](Self::finish).
    pub(super) fn read(mut self, name: &str, source: impl Read) -> Result<Commitment, DataError> {
        self.take_all(name, source)?;
        self.finish().map(|(commitment, _)| commitment)
    }

    /// Commits to all data of `source`, and returns the layer of a tree of this height. Writes nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read_layer(mut self, name: &str, source: impl Read, height: u8) -> Result<Layer, DataError> {
        self.take_all(name, source)?;
        self.take_subtrees();
        let level = height.min(SUBTREE_LEVEL);
        if !self.waiting.is_empty() {
            self.waiting.resize(QUAD_BYTES << (level - QUAD_LEVEL), 0);
            self.subtrees.push(subtree(&self.waiting));
        }
        Ok(Layer::of(self.subtrees, height))
    }

    fn take_all(&mut self, name: &str, mut source: impl Read) -> Result<(), DataError> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => self.commit(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DataError::io(format!("read {name}"), error)),
            }
        }
    }

    /// Ends the piece, flushes the sink, and gives back both.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn finish(mut self) -> Result<(Commitment, W), DataError> {
        self.take_subtrees();
        let mut last = [0; QUAD_BYTES];
        let (quads, rest) = self.waiting.as_chunks();
        for bytes in quads {
            self.frontier.push(quad(bytes), QUAD_LEVEL);
        }
        // The smallest piece is one quad, also without data.
        if !rest.is_empty() || self.payload_size == 0 {
            last[..rest.len()].copy_from_slice(rest);
            self.frontier.push(quad(&last), QUAD_LEVEL);
        }
        let (root, height) = self.frontier.finish();
        self.sink.flush().map_err(|error| DataError::io("write a piece", error))?;
        Ok((Commitment::new(root, height, self.payload_size)?, self.sink))
    }

    /// Commits to `bytes`, which were written.
    pub(super) fn commit(&mut self, mut bytes: &[u8]) {
        self.payload_size += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = self.batch_bytes - self.waiting.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.waiting.extend_from_slice(now);
            if self.waiting.len() == self.batch_bytes {
                self.take_subtrees();
            }
            bytes = later;
        }
    }

    /// Makes nodes of all complete subtrees that wait.
    fn take_subtrees(&mut self) {
        let nodes: Vec<_> = self.waiting.par_chunks_exact(SUBTREE_BYTES).with_max_len(1).map(subtree).collect();
        self.waiting.drain(..nodes.len() * SUBTREE_BYTES);
        for node in nodes {
            self.frontier.push(node, SUBTREE_LEVEL);
            self.subtrees.push(node);
        }
    }
}

impl<W: Write> Write for PieceWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        self.commit(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
