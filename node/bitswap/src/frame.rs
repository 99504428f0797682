//! Messages on a stream: each behind its length.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::last_activity::LastActivity;
use super::message::{MAX_MESSAGE_BYTES, Message};
use super::room::{Room, Taken};

/// Idle timeout within a message, and its base timeout in addition to the time of its length at [`SLOWEST`].
const STALLED: Duration = Duration::from_secs(30);
/// Minimum speed of a message in bytes a second. Slower ones would hold memory too long.
const SLOWEST: u64 = 16 << 10;
/// Bytes read between two updates of the last activity.
const PIECE_BYTES: usize = 128 << 10;

/// Reads the next message; `None` at the end of the stream. Its memory is reserved in `room` as long as its blocks are
/// held, and only after its first bytes have arrived.
///
/// # Errors
/// `InvalidData` for a malformed message, `TimedOut` for a slow one, `QuotaExceeded` when the peer sends more than any
/// that follows the protocol; otherwise the stream's error.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    pulse: &LastActivity,
    room: &Room,
) -> io::Result<Option<(Bytes, Taken)>> {
    let Some(length) = length(stream).await? else { return Ok(None) };
    if length > MAX_MESSAGE_BYTES {
        let what = format!("a message of {length} bytes, and at most {MAX_MESSAGE_BYTES} are read");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let mut first = vec![0; length.min(PIECE_BYTES)];
    in_time(stream.read_exact(&mut first)).await?;
    pulse.beat();
    let taken = room.take(length).await?;
    let mut bytes = Vec::with_capacity(length);
    bytes.append(&mut first);
    let begun = bytes.len();
    bytes.resize(length, 0);
    let rest = async {
        for piece in bytes[begun..].chunks_mut(PIECE_BYTES) {
            in_time(stream.read_exact(piece)).await?;
            pulse.beat();
        }
        Ok::<_, io::Error>(())
    };
    let patience = STALLED + Duration::from_secs(length as u64 / SLOWEST);
    tokio::time::timeout(patience, rest).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
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
