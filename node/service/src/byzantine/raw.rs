//! Streams of any protocol with any bytes on them.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::{PeerId, StreamProtocol};

use bacalhau_p2p::Host;

/// Opens a stream to `to`, writes `bytes`, and keeps it open until `host` ends or the other side has ended it. Answers whether all
/// was written in time.
pub fn begin(host: &Host, to: PeerId, protocol: &'static str, bytes: Vec<u8>, within: Duration) -> bool {
    let (sent, was_sent) = sync_channel(1);
    let handle = host.handle().clone();
    host.handle().spawn(async move {
        let Ok(mut stream) = handle.open(to, StreamProtocol::new(protocol)).await else { return };
        let written = stream.write_all(&bytes).await.is_ok() && stream.flush().await.is_ok();
        let _ = sent.send(written);
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    was_sent.recv_timeout(within).unwrap_or(false)
}
