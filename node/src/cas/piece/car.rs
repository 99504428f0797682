//! An archive as a piece: all of its bytes, whatever stands before, between and behind the blocks, in one reading that
//! checks every block.

use std::io::{self, Read, Write};

use cid::Cid;

use super::{Commitment, PieceWriter};
use crate::cas::DataError;
use crate::cas::car::CarReader;

impl Commitment {
    /// Commits to the archive `source`, called `name` in messages, and says its roots.
    ///
    /// # Errors
    /// When it cannot be read, is no archive, or has a block that is not what its CID says.
    pub fn of_car(name: &str, source: impl Read) -> Result<(Self, Vec<Cid>), DataError> {
        let mut through = Through { source, piece: PieceWriter::new(io::sink()) };
        let mut car = CarReader::new(name, &mut through)?;
        let roots = car.roots().to_vec();
        car.try_for_each(|block| block.map(drop))?;
        // Padding, and the index of version 2.
        io::copy(&mut through, &mut io::sink()).map_err(|error| DataError::io(format!("read {name}"), error))?;
        let (commitment, _) = through.piece.finish()?;
        Ok((commitment, roots))
    }
}

/// Commits to what is read.
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
