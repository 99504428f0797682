//! A partial download: received bytes, their hash, and data to resume it.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use bacalhau_tree::HostFailure;
use sha2::{Digest, Sha256};

use bacalhau_files::temporary::{self, TempFile};
use bacalhau_http::Answer;

/// A temporary file that grows. It vanishes when it is dropped unfinished.
#[derive(Debug)]
pub(super) struct Part {
    file: TempFile,
    hash: Sha256,
    received: u64,
    /// Length of the whole file, if known.
    total: Option<u64>,
    /// Validator of the file on the server: a strong `ETag` or `Last-Modified`.
    validator: Option<String>,
}

impl Part {
    /// An empty download to a new file in `dir`.
    pub(super) fn new(dir: &Path) -> Result<Self, HostFailure> {
        let file = temporary::file_in(dir).map_err(|error| HostFailure::at("make a temporary file in", dir, error))?;
        Ok(Self { file, hash: Sha256::new(), received: 0, total: None, validator: None })
    }

    /// The headers that ask for the rest, where that is safe.
    pub(super) fn rest(&self) -> Option<(String, &str)> {
        let validator = self.validator.as_deref()?;
        Some((format!("bytes={}-", self.received), validator))
    }

    /// Makes ready for the body of `answer`: the rest, or all of it anew. False where it is neither.
    pub(super) fn begin(&mut self, answer: &Answer) -> Result<bool, HostFailure> {
        if answer.status().as_u16() == 206 {
            return Ok(self.validator.is_some() && self.fits(answer));
        }
        self.restart().map_err(|error| HostFailure::at("write", self.file.path(), error))?;
        self.total = answer.length();
        let strong = answer.header("etag").filter(|tag| tag.starts_with('"'));
        self.validator = strong.or_else(|| answer.header("last-modified")).map(str::to_owned);
        Ok(true)
    }

    /// Whether `answer` continues at the end of this.
    fn fits(&self, answer: &Answer) -> bool {
        let range = answer.header("content-range").and_then(|range| range.strip_prefix("bytes "));
        let Some((range, total)) = range.and_then(|range| range.split_once('/')) else { return false };
        let start = range.split_once('-').and_then(|(start, _)| start.parse().ok());
        start == Some(self.received) && (self.total.is_none() || total.parse().ok() == self.total)
    }

    fn restart(&mut self) -> io::Result<()> {
        self.received = 0;
        self.hash = Sha256::new();
        self.file.as_file_mut().set_len(0)?;
        self.file.as_file_mut().seek(SeekFrom::Start(0)).map(drop)
    }

    /// Takes the next bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), HostFailure> {
        self.file.write_all(bytes).map_err(|error| HostFailure::at("write", self.file.path(), error))?;
        self.hash.update(bytes);
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// Number of received bytes.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Length of the whole file, if known.
    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    /// The file and its hash.
    pub(super) fn finish(self) -> (TempFile, [u8; 32]) {
        (self.file, self.hash.finalize().into())
    }
}
