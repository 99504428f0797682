//! Sequential input of an archive, with the position for messages and a bound on each read. `header` and `section`
//! interpret the bytes.

use std::fmt::Display;
use std::io::{BufReader, ErrorKind, Read, Seek};

use crate::DataError;

/// Bytes behind the last section that are looked at in one go.
const PADDING_BYTES: usize = 64 << 10;

/// Multicodec of an index of version 2 that is sorted by digests.
const SORTED: u64 = 0x0400;
/// Multicodec of one that is sorted by hash functions first.
const SORTED_BY_FUNCTION: u64 = 0x0401;
/// How the headers of archives begin, behind their length: in version 1 with the roots, in version 2 with the version.
const ARCHIVE_BEGINS: [&[u8]; 2] = [b"\xa2\x65roots", b"\xa1\x67version"];

/// Bytes that suffice to tell a header, with the varint of its length.
const HEADER_BEGIN_BYTES: usize = 16;

/// Whether the bytes begin like an archive header without its length.
pub(super) fn begins_archive(bytes: &[u8]) -> bool {
    ARCHIVE_BEGINS.iter().any(|begin| bytes.starts_with(begin))
}

/// An archive that is being read.
#[derive(Debug)]
pub(super) struct Input<R> {
    name: String,
    source: BufReader<R>,
    at: u64,
    end: u64,
    /// The frame of the data of a version 2.
    wrapper: Option<Wrapper>,
}

/// The frame of the data of a version 2.
#[derive(Debug)]
struct Wrapper {
    /// Where the file ends.
    end: u64,
    /// Start of the index; 0 without one.
    index_at: u64,
}

impl<R: Read> Input<R> {
    /// Reads `source`, which is called `name` in messages, by `capacity` bytes or more.
    pub(super) fn new(name: String, source: R, capacity: usize) -> Self {
        Self { name, source: BufReader::with_capacity(capacity, source), at: 0, end: u64::MAX, wrapper: None }
    }

    /// Sets the required end of the input; later bytes do not belong to it.
    pub(super) fn end_at(&mut self, end: u64) -> Result<(), DataError> {
        if end > self.end {
            return Err(self.malformed(format!("its data would end at byte {end}, and it ends at byte {}", self.end)));
        }
        self.end = end;
        Ok(())
    }

    /// Sets the end of the data in a version 2, with an index at `index_at` unless that is 0.
    pub(super) fn data_ends_at(&mut self, end: u64, index_at: u64) -> Result<(), DataError> {
        let wrapper = Wrapper { end: self.end, index_at };
        self.end_at(end)?;
        self.wrapper = Some(wrapper);
        Ok(())
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The error for malformed bytes.
    pub(super) fn malformed(&self, why: impl Display) -> DataError {
        DataError::malformed(&self.name, why.to_string())
    }

    /// The bytes ask for too much.
    pub(super) fn out_of_bounds(&self, why: impl Display) -> DataError {
        DataError::out_of_bounds(&self.name, why.to_string())
    }

    /// The error for an end within `what`.
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

    /// Appends `count` bytes of `what` to `bytes`. The caller bounds the count.
    pub(super) fn fill(&mut self, bytes: &mut Vec<u8>, count: usize, what: &str) -> Result<(), DataError> {
        bytes.reserve_exact(count);
        let got = self.read(bytes, count)?;
        if got < count { Err(self.truncated(what, (count - got) as u64)) } else { Ok(()) }
    }

    /// Reads zero padding of a piece to the end. Other data after zeros is an error, because it would be ignored
    /// silently.
    pub(super) fn padding(&mut self) -> Result<(), DataError> {
        match self.behind_zeros()? {
            None => Ok(()),
            Some((at, true)) => Err(self.another_archive(at)),
            Some((at, false)) => {
                Err(self.malformed(format!("at byte {at}, there is data behind a section of length 0")))
            }
        }
    }

    /// Looks behind the data of a version 2, where an index and zeros may come, but not another archive. Everything else
    /// there is ignored.
    pub(super) fn behind_data(&mut self) -> Result<(), DataError> {
        let Some(Wrapper { end, index_at }) = self.wrapper.take() else { return Ok(()) };
        self.end = end;
        if let Some(gap) = index_at.checked_sub(self.at)
            && !(self.pass(gap)? && self.pass_index()?)
        {
            return Ok(());
        }
        match self.behind_zeros()? {
            Some((at, true)) => Err(self.another_archive(at)),
            _ => Ok(()),
        }
    }

    /// Skips the index of a version 2 (<https://ipld.io/specs/transport/car/carv2/#index-format>). Returns false for an
    /// unknown format.
    fn pass_index(&mut self) -> Result<bool, DataError> {
        let codec = match self.varint("its index") {
            Err(error @ DataError::Io { .. }) => return Err(error),
            codec => codec.unwrap_or(None),
        };
        match codec {
            Some(SORTED) => self.pass_sorted(),
            Some(SORTED_BY_FUNCTION) => {
                for _ in 0..self.number(4)?.unwrap_or(0) {
                    if !(self.pass(8)? && self.pass_sorted()?) {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Passes over entries, which are grouped by their width.
    fn pass_sorted(&mut self) -> Result<bool, DataError> {
        let Some(widths) = self.number(4)? else { return Ok(false) };
        for _ in 0..widths {
            let (Some(_), Some(len)) = (self.number(4)?, self.number(8)?) else { return Ok(false) };
            if !self.pass(len)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A little-endian number of `width` bytes; `None` at the end.
    fn number(&mut self, width: usize) -> Result<Option<u64>, DataError> {
        let mut bytes = Vec::with_capacity(width);
        let got = self.read(&mut bytes, width)?;
        Ok((got == width).then(|| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))))
    }

    /// Reads over `count` bytes. False where there are fewer.
    fn pass(&mut self, mut count: u64) -> Result<bool, DataError> {
        let mut bytes = Vec::new();
        while count > 0 {
            bytes.clear();
            let got = self.read(&mut bytes, usize::try_from(count).unwrap_or(usize::MAX).min(PADDING_BYTES))?;
            if got == 0 {
                return Ok(false);
            }
            count -= got as u64;
        }
        Ok(true)
    }

    /// Position of the first data after zeros, and whether it is an archive; `None` at the end.
    fn behind_zeros(&mut self) -> Result<Option<(u64, bool)>, DataError> {
        let zeros = vec![0; PADDING_BYTES];
        let mut bytes = Vec::with_capacity(PADDING_BYTES);
        loop {
            let begin = self.at;
            bytes.clear();
            let got = self.read(&mut bytes, PADDING_BYTES)?;
            if got == 0 {
                return Ok(None);
            }
            if bytes == zeros[..got] {
                continue;
            }
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            let mut found = bytes.split_off(zeros);
            // The header may begin in the last bytes read.
            self.read(&mut found, HEADER_BEGIN_BYTES)?;
            let length_bytes = found.iter().take_while(|byte| **byte >= 0x80).count() + 1;
            let is_archive = begins_archive(found.get(length_bytes..).unwrap_or_default());
            return Ok(Some((begin + zeros as u64, is_archive)));
        }
    }

    /// The archive is one of several in one file, as storage providers put them together.
    pub(super) fn another_archive(&self, at: u64) -> DataError {
        let what = format!("{} as an aggregate of several archives", self.name);
        DataError::unsupported(what, format!("another one begins at byte {at}; split it, and use each by itself"))
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
            // The error of a connection that closed early.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(self.truncated("the received data", 1));
            }
            Err(error) => return Err(DataError::io(format!("read {}", self.name), error)),
        };
        self.at += got as u64;
        Ok(got)
    }
}

impl<R: Read + Seek> Input<R> {
    /// Skips `count` bytes of `what`.
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
