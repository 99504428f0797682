//! One message on a stream: its length in four bytes, most significant first, and its bytes.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Reads the length, which may be `most`.
pub(super) async fn read_length(stream: &mut (impl AsyncRead + Unpin), most: usize) -> io::Result<usize> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    match usize::try_from(u32::from_be_bytes(length)) {
        Ok(length) if length <= most => Ok(length),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "frame length exceeds the limit")),
    }
}

/// Reads `length` bytes. Memory grows with received bytes, not with the announced length.
pub(super) async fn read_bytes(stream: &mut (impl AsyncRead + Unpin), length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Writes a message.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(bytes).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::io::Cursor;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_no_more_than_may_be() {
        let mut stream = Cursor::new(Vec::new());
        block_on(write(&mut stream, b"hello")).unwrap();
        let mut read = Cursor::new(stream.into_inner());
        assert_eq!(block_on(read_length(&mut read, 5)).unwrap(), 5);
        assert_eq!(block_on(read_bytes(&mut read, 5)).unwrap(), b"hello");
        read.set_position(0);
        assert_eq!(block_on(read_length(&mut read, 4)).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(block_on(read_bytes(&mut read, 1 << 30)).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
