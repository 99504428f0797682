//! A piece whose bytes are compared with its commitment as they are read, a MiB at a time.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bacalhau_tree::ReadAt;
use bacalhau_values::hex::Hex;

use super::tree::{Node, subtree};
use super::{Commitment, Layer};
use crate::DataError;

/// Parts that are kept in memory once they are checked. Readers that take turns do not hash one part again and again.
const KEPT_PARTS: usize = 8;

/// A part that was checked.
type Part = Arc<[u8]>;

/// Reads a piece, and checks each part that is read.
pub struct CheckedPiece {
    name: String,
    piece: Commitment,
    layer: Layer,
    source: Arc<dyn ReadAt>,
    /// The last parts, by their numbers. Not locked while one is read.
    recent: Mutex<VecDeque<(u64, Part)>>,
}

impl CheckedPiece {
    /// Reads `piece` from `source`, called `name` in messages, with the layer of its tree.
    ///
    /// # Errors
    /// When the layer is not that of the piece.
    pub fn new(name: String, piece: Commitment, layer: Layer, source: Arc<dyn ReadAt>) -> Result<Self, DataError> {
        if !layer.is_of(&piece) {
            return Err(DataError::malformed(name, "its kept tree is that of another piece"));
        }
        Ok(Self { name, piece, layer, source, recent: Mutex::default() })
    }

    /// The root of the subtree of `height` above the payload from `offset` on, a multiple of the subtree's size.
    ///
    /// # Errors
    /// When it cannot be read, or is not that of the piece.
    pub fn subtree(&self, offset: u64, height: u8) -> io::Result<Node> {
        let part_bytes = self.layer.part_bytes();
        if height >= self.layer.level() {
            return Ok(self.layer.above(offset / part_bytes, height));
        }
        let mut bytes = vec![0; 127 << (height - 2)];
        self.read_at(&mut bytes, offset)?;
        Ok(subtree(&bytes))
    }

    /// Part `number` of the piece, whole; `None` where it is all zeros.
    fn part(&self, number: u64) -> io::Result<Option<Part>> {
        let Some(node) = self.layer.node(number) else { return Ok(None) };
        let recent = || self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, part)) = recent().iter().find(|(at, _)| *at == number) {
            return Ok(Some(Arc::clone(part)));
        }
        let size = self.layer.part_bytes();
        let (begin, end) = (number * size, ((number + 1) * size).min(self.piece.payload_size()));
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        let wanted = usize::try_from(end - begin).map_err(io::Error::other)?;
        let read = self.source.read_at(&mut bytes[..wanted], begin)?;
        bytes[read..].fill(0);
        let found = subtree(&bytes);
        if found != *node {
            let why = format!("bytes {begin} to {end} have the hash {}, and the piece {}", Hex(&found), Hex(node));
            return Err(DataError::malformed(&self.name, why).into());
        }
        let part = Part::from(bytes);
        let mut recent = recent();
        recent.truncate(KEPT_PARTS - 1);
        recent.push_front((number, Arc::clone(&part)));
        Ok(Some(part))
    }
}

impl ReadAt for CheckedPiece {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.piece.payload_size().saturating_sub(offset);
        let total = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let size = self.layer.part_bytes();
        let mut done = 0;
        while done < total {
            let at = offset + done as u64;
            let (number, within) = (at / size, at % size);
            let count = usize::try_from(size - within).unwrap_or(usize::MAX).min(total - done);
            let target = &mut buf[done..done + count];
            match self.part(number)? {
                None => target.fill(0),
                Some(part) => {
                    let within = usize::try_from(within).map_err(io::Error::other)?;
                    target.copy_from_slice(&part[within..within + count]);
                }
            }
            done += count;
        }
        Ok(total)
    }
}

impl fmt::Debug for CheckedPiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests;
