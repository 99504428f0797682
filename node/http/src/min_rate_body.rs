//! A body with a minimum speed. Without it, an idle timeout alone would allow a byte a minute.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Minimum speed after the idle timeout has passed, in bytes a second.
const MIN_BYTES_PER_SECOND: u64 = 1 << 10;

/// A body with a minimum speed. The client enforces the idle timeout.
#[derive(Debug)]
pub struct MinRateBody<R> {
    body: R,
    begun: Instant,
    patience: Duration,
    min_bytes_per_second: u64,
    bytes: u64,
}

impl<R> MinRateBody<R> {
    /// A reader of `body` that checks the speed after `patience`.
    pub fn new(body: R, patience: Duration) -> Self {
        Self::at(body, patience, MIN_BYTES_PER_SECOND)
    }

    /// The same with another minimum speed in bytes a second.
    pub fn at(body: R, patience: Duration, min_bytes_per_second: u64) -> Self {
        Self { body, begun: Instant::now(), patience, min_bytes_per_second, bytes: 0 }
    }
}

impl<R: Read> Read for MinRateBody<R> {
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
