//! Bodies between the asynchronous server and blocking threads. A bounded number of chunks is in flight, so the faster
//! side waits for the slower one.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf, Bytes};
use futures::StreamExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{ApiError, ErrorCode};
use super::state::{App, Slot};
use bacalhau_http::Taking;

/// Maximum chunks in flight.
const PIECES: usize = 8;
/// Minimum speed of a body in bytes a second.
const MIN_BYTES_PER_SECOND: usize = 1 << 10;
/// Size of a sent chunk in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// The writer of a body, for a blocking thread.
#[derive(Debug)]
pub(super) struct BodyWriter {
    sender: Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

/// A body and its writer.
pub(super) fn body() -> (BodyWriter, Body) {
    let (sender, receiver) = channel(PIECES);
    (BodyWriter { sender, buffer: Vec::with_capacity(PIECE_BYTES) }, Body::from_stream(pieces(receiver)))
}

fn pieces(receiver: Receiver<io::Result<Bytes>>) -> impl futures::Stream<Item = io::Result<Bytes>> {
    futures::stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|piece| (piece, receiver)) })
}

impl BodyWriter {
    /// Ends the body. If it is dropped after an error, the body is cut, so that clients notice.
    pub(super) fn end(mut self, done: io::Result<()>) {
        if let Err(error) = done.and_then(|()| self.flush()) {
            // A disconnected client gets no error.
            self.sender.blocking_send(Err(error)).unwrap_or_default();
        }
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES));
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Reads bodies of one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intake<'a> {
    pub(super) app: &'a App,
    pub(super) address: IpAddr,
}

impl Intake<'_> {
    /// Reads all of `body`, at most `most` bytes. Memory is reserved as bytes arrive; after the grace period, they must
    /// arrive at the minimum speed.
    pub(super) async fn read(self, body: Body, most: usize) -> Result<(Vec<u8>, Taking), ApiError> {
        let limits = &self.app.limits;
        let (begun, mut pieces, mut bytes) = (Instant::now(), body.into_data_stream(), Vec::new());
        let mut room = self.app.take(Slot::Body, self.address, 0)?;
        let mut taken = 0;
        loop {
            // The deadline for the received amount.
            let paid = limits.body_grace + Duration::from_secs((bytes.len() / MIN_BYTES_PER_SECOND) as u64);
            let piece = timeout_at(begun + paid.min(limits.patience), pieces.next()).await;
            let piece = match piece.map_err(|_| self.slow("the body of the request arrived too slowly"))? {
                None => return Ok((bytes, room)),
                Some(Err(error)) => return Err(self.slow(&format!("the body of the request ended early: {error}"))),
                Some(Ok(piece)) => piece,
            };
            if bytes.len() + piece.len() > most {
                return Err(ApiError::new(
                    ErrorCode::TooLarge,
                    format!(
                        "the body is larger than the limit of {most} \
                    bytes"
                    ),
                )
                .hint("put data into inputs by CID"));
            }
            bytes.extend_from_slice(&piece);
            let needed = bytes.len().div_ceil(1024);
            room.grow(needed - taken).map_err(|full| self.app.full(Slot::Body, full))?;
            taken = needed;
        }
    }

    /// The error for a request that arrives too slowly.
    pub(super) fn slow(self, message: &str) -> ApiError {
        self.app.strike(self.address);
        ApiError::new(ErrorCode::TooSlow, message)
    }
}

/// A body for a blocking reader.
#[derive(Debug)]
pub(super) struct BodyReader {
    receiver: Receiver<io::Result<Bytes>>,
    piece: Bytes,
    left: u64,
    failure: Option<io::ErrorKind>,
}

impl BodyReader {
    /// A reader of `body` with a limit of `most` bytes and the idle timeout `patience`.
    pub(super) fn new(body: Body, most: u64, patience: Duration) -> Self {
        let (sender, receiver) = channel(PIECES);
        tokio::spawn(async move {
            let mut pieces = body.into_data_stream();
            loop {
                let piece = match timeout(patience, pieces.next()).await {
                    Ok(None) => return,
                    Ok(Some(Ok(piece))) if piece.is_empty() => continue,
                    Ok(Some(piece)) => piece.map_err(io::Error::other),
                    Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client sends no more data")),
                };
                let is_last = piece.is_err();
                if sender.send(piece).await.is_err() || is_last {
                    return;
                }
            }
        });
        Self { receiver, piece: Bytes::new(), left: most, failure: None }
    }

    /// Waits for the first bytes or the end. Returns whether there are bytes.
    pub(super) async fn begin(&mut self) -> bool {
        match self.receiver.recv().await {
            None => true,
            Some(Ok(piece)) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                self.piece = piece;
                true
            }
            Some(Err(_)) => false,
        }
    }

    /// Why reading failed; the caller words the error.
    pub(super) fn failure(&self) -> Option<io::ErrorKind> {
        self.failure
    }

    fn next(&mut self) -> io::Result<Bytes> {
        let Some(piece) = self.receiver.blocking_recv() else { return Ok(Bytes::new()) };
        let piece = piece?;
        let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "the body exceeds the size limit");
        self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(too_large)?;
        Ok(piece)
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            self.piece = self.next().inspect_err(|error| self.failure = Some(error.kind()))?;
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
