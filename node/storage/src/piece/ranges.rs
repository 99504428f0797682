//! A file of a web server, read by ranges.

use std::fmt;
use std::io::{self, Read as _};
use std::time::Duration;

use bacalhau_http::{Answer, Client, HttpError, MinRateBody};
use bacalhau_tree::ReadAt;
use url::Url;

/// Attempts to read a range, if the connection breaks.
const ATTEMPTS: usize = 3;

/// The file.
pub(super) struct Ranges {
    client: Client,
    url: Url,
    /// For messages: the URL without a password.
    shown: String,
    patience: Duration,
    /// Length of the file in bytes.
    total: u64,
}

impl Ranges {
    /// The file at `url`; `None` if the server sends whole files only.
    ///
    /// # Errors
    /// When the server does not answer, or does not have the file.
    pub(super) fn open(client: Client, url: Url, shown: String, patience: Duration) -> Result<Option<Self>, HttpError> {
        let answer = client.get(&url, &[("Range", "bytes=0-0")])?;
        let total = part_of(&answer).and_then(|(begin, total)| (begin == 0).then_some(total));
        Ok(total.map(|total| Self { client, url, shown, patience, total }))
    }

    /// Reads `buf` from `offset` on, which are within the file.
    fn read(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let range = format!("bytes={offset}-{}", offset + buf.len() as u64 - 1);
        let answer = self.client.get(&self.url, &[("Range", &range)]).map_err(io::Error::other)?;
        if part_of(&answer) != Some((offset, self.total)) {
            return Err(io::Error::other("the server answered with another range than requested"));
        }
        MinRateBody::new(answer.into_body(), self.patience).read_exact(buf)
    }
}

/// Begin of the range that was sent, and length of the whole file.
fn part_of(answer: &Answer) -> Option<(u64, u64)> {
    if answer.status().as_u16() != 206 {
        return None;
    }
    let (range, total) = answer.header("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()?))
}

impl ReadAt for Ranges {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.total.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = left.min(buf.len());
        if count == 0 {
            return Ok(0);
        }
        let mut attempt = 1;
        loop {
            match self.read(&mut buf[..count], offset) {
                Ok(()) => return Ok(count),
                Err(error) if attempt == ATTEMPTS => {
                    let why = format!("cannot read {} bytes at byte {offset} of {}: {error}", count, self.shown);
                    return Err(io::Error::new(error.kind(), why));
                }
                Err(_) => attempt += 1,
            }
        }
    }
}

impl fmt::Debug for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
