//! Outgoing messages: connects if necessary, opens a stream, writes, and waits for the reply. One attempt; the daemon
//! retries.

use std::sync::Arc;
use std::time::Duration;

use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::driver::Shared;
use super::frame::{read_bytes, read_length, write};
use bacalhau_protocol::{MAX_REPLY_BYTES, MESSAGES, Reply, SendError, Wire};

/// The protocol of messages.
pub(super) const PROTOCOL: StreamProtocol = StreamProtocol::new(MESSAGES);

/// How long it may take in all to find a peer and connect to it.
const REACHING: Duration = Duration::from_secs(30);
/// How long an answer may take.
const ANSWERING: Duration = Duration::from_mins(1);
/// How long it may take to fetch the spec of a job, with the way to its requester.
const FETCHING: Duration = Duration::from_secs(10);

/// A message that is signed.
pub(super) struct Outgoing {
    pub(super) to: PeerId,
    pub(super) addrs: Vec<Multiaddr>,
    pub(super) bytes: Vec<u8>,
    /// Limits concurrent streams to this peer, which accepts only so many.
    pub(super) lane: Arc<Semaphore>,
}

/// Sends a message and returns the reply, or why there is none.
pub(super) async fn deliver(shared: &Shared, outgoing: Outgoing) -> Result<Reply, SendError> {
    let Outgoing { to, addrs, bytes, lane } = outgoing;
    let _turn = lane.acquire().await.map_err(|_| SendError::Stopped)?;
    match timeout(REACHING, shared.handle.reach(to, addrs)).await {
        Ok(Ok(reached)) => reached.map_err(|why| SendError::Connect { to, why: why.to_string() })?,
        Ok(Err(_)) => return Err(SendError::Stopped),
        Err(_) => return Err(SendError::NotFound(to)),
    }
    match timeout(ANSWERING, ask(shared, to, &bytes)).await {
        Ok(Ok(reply)) => {
            shared.counting().sent(bytes.len());
            Ok(reply)
        }
        Ok(Err(why)) => Err(SendError::NoAnswer { to, why }),
        Err(_) => Err(SendError::Late(to)),
    }
}

/// The same for the spec of a job, with a short timeout.
pub(super) async fn fetch(shared: &Shared, outgoing: Outgoing) -> Result<Reply, SendError> {
    let to = outgoing.to;
    let late = SendError::LateSpec { to, seconds: FETCHING.as_secs() };
    timeout(FETCHING, deliver(shared, outgoing)).await.unwrap_or(Err(late))
}

async fn ask(shared: &Shared, to: PeerId, bytes: &[u8]) -> Result<Reply, String> {
    let mut stream = shared.handle.open(to, PROTOCOL).await.map_err(|error| error.to_string())?;
    let answer = async {
        write(&mut stream, bytes).await?;
        let length = read_length(&mut stream, MAX_REPLY_BYTES).await?;
        read_bytes(&mut stream, length).await
    };
    let answer = answer.await.map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => "it ended the stream".into(),
        _ => error.to_string(),
    })?;
    shared.counting().received(answer.len());
    Reply::decode(&answer).map_err(|error| error.to_string())
}
