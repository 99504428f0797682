//! A connection with idle timeout and minimum speed: a read or write without progress fails, as does a write to a
//! reader that is too slow.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// Bytes that a reader has to take in a second in which it is waited for.
const MIN_BYTES_PER_SECOND: u64 = 1 << 10;

/// A connection with a limit to its silences.
#[derive(Debug)]
pub struct TimeoutIo {
    stream: TcpStream,
    patience: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Since when a write waits for the reader.
    waits: Option<Instant>,
    /// Waiting time and bytes of writes since the last check.
    waited: Duration,
    written: u64,
}

impl TimeoutIo {
    /// `stream`, that fails after `patience` without progress.
    pub fn new(stream: TcpStream, patience: Duration) -> Self {
        let deadline = Box::pin(sleep(patience));
        Self { stream, patience, deadline, waits: None, waited: Duration::ZERO, written: 0 }
    }

    /// Counts a write, and returns whether the reader is fast enough. Time without data to write does not count.
    fn is_taken(&mut self, step: &Poll<io::Result<usize>>) -> bool {
        match step {
            Poll::Pending => {
                self.waits.get_or_insert_with(Instant::now);
            }
            Poll::Ready(written) => {
                self.waited += self.waits.take().map_or(Duration::ZERO, |since| since.elapsed());
                self.written += written.as_ref().map_or(0, |length| *length as u64);
            }
        }
        if self.waited < self.patience {
            return true;
        }
        let enough = self.written / MIN_BYTES_PER_SECOND >= self.waited.as_secs();
        (self.waited, self.written) = (Duration::ZERO, 0);
        enough
    }

    /// `step` as it is, or a failure where it has been waited for too long.
    fn within<T>(&mut self, context: &mut Context<'_>, step: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if step.is_ready() {
            self.deadline.as_mut().reset(Instant::now() + self.patience);
            return step;
        }
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for TimeoutIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Reads are polled all the time: their idle time counts only without writes, which extend the deadline.
        let step = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.within(context, step)
    }
}

impl AsyncWrite for TimeoutIo {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let step = Pin::new(&mut self.stream).poll_write(context, bytes);
        if !self.is_taken(&step) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        self.within(context, step)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
