//! Small data in the job itself: `data:` URLs (RFC 2397). The media type is read over.

use std::io;
use std::sync::Arc;

use bacalhau_receipt::Checked;
use bacalhau_tree::{Deadline, Entry, HostFailure, Kind, Link, ReadAt, Stat, Tree};
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use base64::{DecodeError, Engine as _};
use bytes::Bytes;

use super::{Opened, Source, Storage, foreign};

/// Maximum size of [`Source::Inline`] in bytes. Inline data is part of the job.
pub const MAX_INLINE_BYTES: usize = 1 << 20;

/// The storage of [`Source::Inline`].
#[derive(Clone, Copy, Debug)]
pub struct InlineStorage;

impl Storage for InlineStorage {
    fn name(&self) -> &'static str {
        "inline"
    }

    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure> {
        bytes_of(source).map(|_| true)
    }

    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        Ok(Some(bytes_of(source)?.len() as u64))
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let tree = InlineFile(bytes_of(source)?.clone());
        Ok(Opened::by("inline", "the job itself", Checked::Hashed, Arc::new(tree)))
    }
}

fn bytes_of(source: &Source) -> Result<&Bytes, HostFailure> {
    match source {
        Source::Inline(bytes) => Ok(bytes),
        _ => Err(foreign(source, "inline data")),
    }
}

/// Why a `data:` URL has no data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InlineError {
    /// There is no comma before the data.
    #[error("it has no comma")]
    NoComma,
    /// A percent sign without two hexadecimal digits.
    #[error("a % has no two digits behind it")]
    Percent,
    /// The data is not base64.
    #[error("{0}")]
    Base64(DecodeError),
    /// The data has more than [`MAX_INLINE_BYTES`].
    #[error("it holds more than {MAX_INLINE_BYTES} bytes; put larger data into a file")]
    TooLarge,
}

/// Parses the text after `data:`.
pub(super) fn parse(text: &str) -> Result<Bytes, InlineError> {
    let (head, data) = text.split_once(',').ok_or(InlineError::NoComma)?;
    let decoded = percent_decode(data)?;
    let bytes = if head.ends_with(";base64") {
        let text: Vec<u8> = decoded.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
        STANDARD.decode(&text).or_else(|_| STANDARD_NO_PAD.decode(&text)).map_err(InlineError::Base64)?
    } else {
        decoded
    };
    if bytes.len() > MAX_INLINE_BYTES {
        return Err(InlineError::TooLarge);
    }
    Ok(bytes.into())
}

/// The URL of `bytes`, from which they can be read again.
pub(super) fn to_url(bytes: &[u8]) -> String {
    format!("data:;base64,{}", STANDARD.encode(bytes))
}

fn percent_decode(text: &str) -> Result<Vec<u8>, InlineError> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(InlineError::Percent) };
        #[expect(clippy::cast_possible_truncation, reason = "two hexadecimal digits are a byte")]
        decoded.push((high << 4 | low) as u8);
    }
    Ok(decoded)
}

/// A file that is here already.
#[derive(Debug)]
struct InlineFile(Bytes);

impl Tree for InlineFile {
    fn stat(&self, _path: &str) -> io::Result<Stat> {
        Ok(Stat::new(Kind::File, self.0.len() as u64))
    }

    fn list(&self, _path: &str) -> io::Result<Vec<Entry>> {
        Err(io::ErrorKind::NotADirectory.into())
    }

    fn open(&self, _path: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(InlineBytes(self.0.clone())))
    }

    fn read_link(&self, _path: &str) -> io::Result<String> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn identity(&self, _: &Deadline) -> io::Result<String> {
        Ok(Link::of_raw(&self.0).to_string())
    }
}

struct InlineBytes(Bytes);

impl ReadAt for InlineBytes {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).map_or(self.0.len(), |offset| offset.min(self.0.len()));
        let length = buf.len().min(self.0.len() - from);
        buf[..length].copy_from_slice(&self.0[from..from + length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_write() {
        let table: [(&str, &[u8]); 5] = [
            (",", b""),
            (",a,b", b"a,b"),
            ("text/csv;charset=utf-8,a%0Ab", b"a\nb"),
            (";base64,aGk=", b"hi"),
            (";base64,aGk", b"hi"),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        for text in ["", "abc", ",%", ",%4", ",%zz", ";base64,!"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(
            parse(&format!(",{}", "a".repeat(MAX_INLINE_BYTES + 1))).unwrap_err().to_string().contains("larger data")
        );
    }

    #[test]
    fn it_is_a_file() {
        let opened = InlineStorage.open(&Source::Inline(Bytes::from_static(b"hello"))).unwrap();
        let mut buf = [0; 9];
        assert_eq!(opened.tree.open("").unwrap().read_at(&mut buf, 3).unwrap(), 2);
        assert_eq!(&buf[..2], b"lo");
        assert_eq!(opened.tree.open("").unwrap().read_at(&mut buf, u64::MAX).unwrap(), 0);
        assert_eq!(opened.tree.stat("").unwrap().size, 5);
        assert_eq!(opened.tree.identity(&Deadline::never()).unwrap(), Link::of_raw(b"hello").to_string());
    }

    proptest! {
        #[test]
        fn data_comes_back(bytes: Vec<u8>) {
            prop_assert_eq!(parse(&to_url(&bytes)["data:".len()..]).unwrap(), bytes);
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = parse(&text);
        }
    }
}
