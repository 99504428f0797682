//! Commits to bytes while they are written to somewhere else.

use std::io::{self, Read, Write};

use rayon::prelude::*;

use super::fr32::QUAD_BYTES;
use super::tree::{Frontier, QUAD_LEVEL, quad, subtree};
use super::{Commitment, MIN_PAYLOAD_BYTES};
use crate::DataError;

/// The level of the subtrees that are computed at once, each by one thread: a MiB of the piece. Their nodes fit into
/// the cache beside what they are of.
const SUBTREE_LEVEL: u8 = 15;
/// Bytes of payload of such a subtree.
const SUBTREE_BYTES: usize = QUAD_BYTES << (SUBTREE_LEVEL - QUAD_LEVEL);
/// Subtrees of a batch for each thread: a few, since some threads are later than others.
const SUBTREES_PER_THREAD: usize = 4;
/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;
/// Most subtrees of a batch: so many MiB are held.
const MAX_SUBTREES: usize = 64;

/// Writes to `W` all that is written to it, and commits to it. Bytes wait in memory, at most 64 MiB of them, until all
/// threads of rayon's current pool have work; how they are cut into writes, and how many threads there are, changes
/// nothing but the time.
#[derive(Debug)]
pub struct PieceWriter<W> {
    sink: W,
    /// What no subtree was made of yet.
    waiting: Vec<u8>,
    batch_bytes: usize,
    frontier: Frontier,
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
            payload_size: 0,
        }
    }

    /// Bytes that were written so far.
    pub fn payload_size(&self) -> u64 {
        self.payload_size
    }

    /// Commits to all that `source`, called `name` in messages, has to give, and ends the piece. Nothing is written.
    ///
    /// # Errors
    /// When it cannot be read, or as for [`finish`](Self::finish).
    pub(super) fn read(mut self, name: &str, mut source: impl Read) -> Result<Commitment, DataError> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return self.finish().map(|(commitment, _)| commitment),
                Ok(read) => self.commit(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DataError::io(format!("read {name}"), error)),
            }
        }
    }

    /// Ends the piece, flushes the sink, and gives back both.
    ///
    /// # Errors
    /// When the piece has fewer than [`MIN_PAYLOAD_BYTES`], or the sink fails.
    pub fn finish(mut self) -> Result<(Commitment, W), DataError> {
        if self.payload_size < MIN_PAYLOAD_BYTES {
            let why = format!("no piece of Filecoin is smaller than {MIN_PAYLOAD_BYTES} bytes");
            return Err(DataError::out_of_bounds(format!("a piece of {} bytes", self.payload_size), why));
        }
        self.take_subtrees();
        let mut last = [0; QUAD_BYTES];
        let (quads, rest) = self.waiting.as_chunks();
        for bytes in quads {
            self.frontier.push(quad(bytes), QUAD_LEVEL);
        }
        if !rest.is_empty() {
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
