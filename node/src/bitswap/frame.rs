//! Messages on a stream: each behind its length.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::message::{MAX_MESSAGE_BYTES, Message};
use super::pulse::Pulse;

/// How long a peer may take over a piece of a message once it has begun it.
const STALLED: Duration = Duration::from_secs(30);
/// What is read between two beats of the pulse.
const PIECE_BYTES: usize = 128 << 10;

/// Reads the next message, or none at the end of the stream. What it takes in memory is taken out of `room`, for as long as
/// what comes with it is held.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    pulse: &Pulse,
    room: &Arc<Semaphore>,
) -> io::Result<Option<(Bytes, OwnedSemaphorePermit)>> {
    let Some(length) = length(stream).await? else { return Ok(None) };
    if length > MAX_MESSAGE_BYTES {
        let what = format!("a message of {length} bytes, and at most {MAX_MESSAGE_BYTES} are read");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let taken = u32::try_from(length).map_err(io::Error::other)?;
    let taken = room.clone().acquire_many_owned(taken).await.map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    for piece in bytes.chunks_mut(PIECE_BYTES) {
        in_time(stream.read_exact(piece)).await?;
        pulse.beat();
    }
    Ok(Some((bytes.into(), taken)))
}

async fn length(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<usize>> {
    let (mut length, mut byte) = (0, [0]);
    for shift in [0, 7, 14, 21] {
        if stream.read(&mut byte).await? == 0 {
            return if shift == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(Some(length));
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "a message of 256 MiB or more"))
}

/// Writes a message whole.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), message: &Message) -> io::Result<()> {
    for piece in message.encode() {
        for piece in piece.chunks(PIECE_BYTES) {
            in_time(stream.write_all(piece)).await?;
        }
    }
    in_time(stream.flush()).await
}

async fn in_time<T>(io: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(STALLED, io).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
