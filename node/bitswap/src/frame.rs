//! Messages on a stream: each behind its length.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::message::{MAX_MESSAGE_BYTES, Message};
use super::pulse::Pulse;
use super::room::{Room, Taken};

/// How long a peer may take over a piece of a message once it has begun it, and over all of it beside what its length takes at
/// [`SLOWEST`].
const STALLED: Duration = Duration::from_secs(30);
/// Bytes a second of a message that is still read. What is slower holds its room for nothing.
const SLOWEST: u64 = 16 << 10;
/// What is read between two beats of the pulse.
const PIECE_BYTES: usize = 128 << 10;

/// Reads the next message, or none at the end of the stream. What it takes in memory is taken out of `room`, for as long as
/// what comes with it is held; not before its first piece has come, so that a length alone takes none.
///
/// # Errors
/// `InvalidData` for what is no message, `TimedOut` for one that comes too slowly, `QuotaExceeded` where the peer has more on its
/// way than any that keeps to what it was asked for; else the stream's own.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    pulse: &Pulse,
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
