//! Between the server, which must not wait, and threads that read and write as files are read and written. Some pieces are on
//! their way at most, so that whoever is faster waits for the other one.

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
use crate::http::Taking;

/// Pieces on their way.
const PIECES: usize = 8;
/// The pace at which a body has to come.
const MIN_BYTES_PER_SECOND: usize = 1 << 10;
/// Bytes of a piece that is sent.
const PIECE_BYTES: usize = 64 << 10;

/// The beginning of a body that is written by a thread.
#[derive(Debug)]
pub(super) struct BodyWriter {
    sender: Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

/// A body, and what it is written with.
pub(super) fn body() -> (BodyWriter, Body) {
    let (sender, receiver) = channel(PIECES);
    (BodyWriter { sender, buffer: Vec::with_capacity(PIECE_BYTES) }, Body::from_stream(pieces(receiver)))
}

fn pieces(receiver: Receiver<io::Result<Bytes>>) -> impl futures::Stream<Item = io::Result<Bytes>> {
    futures::stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|piece| (piece, receiver)) })
}

impl BodyWriter {
    /// Ends the body. One that is dropped for an error is cut instead, so that nobody takes it for whole.
    pub(super) fn end(mut self, done: io::Result<()>) {
        if let Err(error) = done.and_then(|()| self.flush()) {
            // Whoever has hung up hears of nothing.
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

/// Reads bodies for one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Intake<'a> {
    pub(super) app: &'a App,
    pub(super) address: IpAddr,
}

impl Intake<'_> {
    /// All of `body`, which may have `most` bytes, and the room that they take. The room is taken as they come; once the grace is
    /// over, they have to come at a pace.
    pub(super) async fn read(self, body: Body, most: usize) -> Result<(Vec<u8>, Taking), ApiError> {
        let limits = &self.app.limits;
        let (begun, mut pieces, mut bytes) = (Instant::now(), body.into_data_stream(), Vec::new());
        let mut room = self.app.take(Slot::Body, self.address, 0)?;
        let mut taken = 0;
        loop {
            // Until when what has come is enough.
            let paid = limits.body_grace + Duration::from_secs((bytes.len() / MIN_BYTES_PER_SECOND) as u64);
            let piece = timeout_at(begun + paid.min(limits.patience), pieces.next()).await;
            let piece = match piece.map_err(|_| self.slow("the body of the request did not come in time"))? {
                None => return Ok((bytes, room)),
                Some(Err(error)) => return Err(self.slow(&format!("the body of the request broke off: {error}"))),
                Some(Ok(piece)) => piece,
            };
            if bytes.len() + piece.len() > most {
                return Err(ApiError::new(ErrorCode::TooLarge, format!("the body has more than {most} bytes"))
                    .hint("put data into inputs by CID"));
            }
            bytes.extend_from_slice(&piece);
            let needed = bytes.len().div_ceil(1024);
            room.grow(needed - taken).map_err(|full| self.app.full(Slot::Body, full))?;
            taken = needed;
        }
    }

    /// That a request came too slowly.
    pub(super) fn slow(self, message: &str) -> ApiError {
        self.app.strike(self.address);
        ApiError::new(ErrorCode::TooSlow, message)
    }
}

/// A body that a thread reads.
#[derive(Debug)]
pub(super) struct BodyReader {
    receiver: Receiver<io::Result<Bytes>>,
    piece: Bytes,
    left: u64,
    failure: Option<io::ErrorKind>,
}

impl BodyReader {
    /// That of `body`, which may have `most` bytes and no silence longer than `patience`.
    pub(super) fn new(body: Body, most: u64, patience: Duration) -> Self {
        let (sender, receiver) = channel(PIECES);
        tokio::spawn(async move {
            let mut pieces = body.into_data_stream();
            loop {
                let piece = match timeout(patience, pieces.next()).await {
                    Ok(None) => return,
                    Ok(Some(Ok(piece))) if piece.is_empty() => continue,
                    Ok(Some(piece)) => piece.map_err(io::Error::other),
                    Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client sends nothing more")),
                };
                let is_last = piece.is_err();
                if sender.send(piece).await.is_err() || is_last {
                    return;
                }
            }
        });
        Self { receiver, piece: Bytes::new(), left: most, failure: None }
    }

    /// Waits for the first bytes, or the end. Says whether they came.
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

    /// Why the body could not be read to its end: whoever was reading says it in words of its own.
    pub(super) fn failure(&self) -> Option<io::ErrorKind> {
        self.failure
    }

    fn next(&mut self) -> io::Result<Bytes> {
        let Some(piece) = self.receiver.blocking_recv() else { return Ok(Bytes::new()) };
        let piece = piece?;
        let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, "the body is larger than this node takes");
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
