//! The bytes of an archive in their order, with their position for messages and a bound on each thing that is read. What
//! they mean is the business of `header` and `section`.

use std::fmt::Display;
use std::io::{BufReader, ErrorKind, Read, Seek};

use crate::cas::DataError;

/// Zeros that are looked for behind the last section, where there are so many. A piece may be padded with gigabytes.
const PADDING_BYTES: usize = 4096;

/// An archive that is being read.
#[derive(Debug)]
pub(super) struct Input<R> {
    name: String,
    source: BufReader<R>,
    at: u64,
    end: u64,
}

impl<R: Read> Input<R> {
    /// Reads `source`, which is called `name` in messages, by `capacity` bytes or more.
    pub(super) fn new(name: String, source: R, capacity: usize) -> Self {
        Self { name, source: BufReader::with_capacity(capacity, source), at: 0, end: u64::MAX }
    }

    /// Takes everything from `end` on for something else, and everything before it for what must be there.
    pub(super) fn end_at(&mut self, end: u64) -> Result<(), DataError> {
        if end > self.end {
            return Err(self.malformed(format!("its data would end at byte {end}, and it ends at byte {}", self.end)));
        }
        self.end = end;
        Ok(())
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The bytes make no sense.
    pub(super) fn malformed(&self, why: impl Display) -> DataError {
        DataError::malformed(&self.name, why.to_string())
    }

    /// The bytes ask for too much.
    pub(super) fn out_of_bounds(&self, why: impl Display) -> DataError {
        DataError::out_of_bounds(&self.name, why.to_string())
    }

    /// The bytes end within `what`.
    pub(super) fn truncated(&self, what: &str, lacking: u64) -> DataError {
        let Self { at, .. } = self;
        self.malformed(format!("it is truncated: it ends at byte {at}, {lacking} bytes before the end of {what}"))
    }

    /// An unsigned varint, or `None` if the archive ends before it.
    pub(super) fn varint(&mut self, of: &str) -> Result<Option<u64>, DataError> {
        let (begin, mut number) = (self.at, 0_u64);
        for shift in (0..=63).step_by(7) {
            let Some(byte) = self.byte()? else {
                let over = shift == 0 && (self.end == u64::MAX || self.at == self.end);
                return if over { Ok(None) } else { Err(self.truncated(of, 1)) };
            };
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(Some(number));
            }
        }
        Err(self.malformed(format!("at byte {begin}, the length of {of} does not fit into 64 bits")))
    }

    /// Appends `count` bytes of `what` to `bytes`. The caller has bounded the count.
    pub(super) fn fill(&mut self, bytes: &mut Vec<u8>, count: usize, what: &str) -> Result<(), DataError> {
        bytes.reserve_exact(count);
        let got = self.read(bytes, count)?;
        if got < count { Err(self.truncated(what, (count - got) as u64)) } else { Ok(()) }
    }

    /// Refuses what is no padding up to the end, as far as it is looked at.
    pub(super) fn padding(&mut self) -> Result<(), DataError> {
        let begin = self.at;
        let mut bytes = Vec::new();
        self.read(&mut bytes, PADDING_BYTES)?;
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        Err(self.malformed(format!("at byte {begin}, there is a section of length 0, and data behind it")))
    }

    fn byte(&mut self) -> Result<Option<u8>, DataError> {
        let mut byte = Vec::with_capacity(1);
        self.read(&mut byte, 1)?;
        Ok(byte.pop())
    }

    fn read(&mut self, bytes: &mut Vec<u8>, count: usize) -> Result<usize, DataError> {
        let count = (count as u64).min(self.end.saturating_sub(self.at));
        let got = match (&mut self.source).take(count).read_to_end(bytes) {
            Ok(got) => got,
            // What a connection says that was closed before the last byte.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(self.truncated("what was sent", 1)),
            Err(error) => return Err(DataError::io(format!("read {}", self.name), error)),
        };
        self.at += got as u64;
        Ok(got)
    }
}

impl<R: Read + Seek> Input<R> {
    /// Goes over `count` bytes of `what`.
    pub(super) fn skip(&mut self, count: u64, what: &str) -> Result<(), DataError> {
        let left = self.end.saturating_sub(self.at);
        if count > left {
            self.at = self.end;
            return Err(self.truncated(what, count - left));
        }
        // Bounded by the length of a file.
        let seek = self.source.seek_relative(count.cast_signed());
        seek.map_err(|error| DataError::io(format!("read {}", self.name), error))?;
        self.at += count;
        Ok(())
    }
}
