//! Piece commitment of an archive, in one pass over its bytes. Only its header is decoded: storage providers seal
//! arbitrary bytes.

use std::io::{self, Read, Write};

use super::{Commitment, PieceWriter};
use crate::car::CarReader;
use crate::{Cid, DataError};

impl Commitment {
    /// Commits to the archive `source`, called `name` in messages, and returns its roots.
    ///
    /// # Errors
    /// When it cannot be read, or does not begin like an archive.
    pub fn of_car(name: &str, source: impl Read) -> Result<(Self, Vec<Cid>), DataError> {
        let mut through = Through { source, piece: PieceWriter::new(io::sink()) };
        // Bytes read beyond the header are already committed to.
        let roots = CarReader::new(name, &mut through)?.roots().to_vec();
        let Through { source, piece } = through;
        Ok((piece.read(name, source)?, roots))
    }
}

/// Commits to all bytes that are read through it.
struct Through<R> {
    source: R,
    piece: PieceWriter<io::Sink>,
}

impl<R: Read> Read for Through<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(bytes)?;
        self.piece.write_all(&bytes[..read])?;
        Ok(read)
    }
}
