//! A body that is read as long as it comes: it may be slow, but it may not crawl. A time-out for each read alone would let a
//! server keep us for years with a byte a minute.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// What is slower than this, once our patience is over, is taken for a stall.
const MIN_BYTES_PER_SECOND: u64 = 1 << 10;

/// A body that must keep a minimum rate. That it stands still for no longer than our patience is the business of the client.
#[derive(Debug)]
pub struct Paced<R> {
    body: R,
    begun: Instant,
    patience: Duration,
    min_bytes_per_second: u64,
    bytes: u64,
}

impl<R> Paced<R> {
    /// `body`, whose pace is looked at once it has taken `patience`.
    pub fn new(body: R, patience: Duration) -> Self {
        Self::at(body, patience, MIN_BYTES_PER_SECOND)
    }

    /// The same with another pace, in bytes a second.
    pub fn at(body: R, patience: Duration, min_bytes_per_second: u64) -> Self {
        Self { body, begun: Instant::now(), patience, min_bytes_per_second, bytes: 0 }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.body.read(buffer)?;
        self.bytes += length as u64;
        let took = self.begun.elapsed();
        if length > 0 && took > self.patience && self.bytes / self.min_bytes_per_second < took.as_secs() {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("it sent {} bytes in {} s", self.bytes, took.as_secs()),
            ));
        }
        Ok(length)
    }
}
