//! Messages to others: connects where there is no connection, opens a stream, writes, waits for the answer. It tries
//! once; the daemon tries again.

use std::sync::Arc;
use std::time::Duration;

use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::driver::Shared;
use super::frame::{read_bytes, read_length, write};
use crate::protocol::{MAX_REPLY_BYTES, MESSAGES, Reply, Wire};

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
    /// Bounds how many go to this peer at once: it takes only so many streams.
    pub(super) lane: Arc<Semaphore>,
}

/// Sends it and returns the answer, or says why there is none.
pub(super) async fn deliver(shared: &Shared, outgoing: Outgoing) -> Result<Reply, String> {
    let Outgoing { to, addrs, bytes, lane } = outgoing;
    let _turn = lane.acquire().await.map_err(|error| error.to_string())?;
    match timeout(REACHING, shared.handle.reach(to, addrs)).await {
        Ok(Ok(reached)) => reached.map_err(|why| format!("cannot connect to {to}: {why}"))?,
        Ok(Err(_)) => return Err("the network has stopped".into()),
        Err(_) => return Err(format!("cannot connect to {to}: it was not found in time")),
    }
    match timeout(ANSWERING, ask(shared, to, &bytes)).await {
        Ok(Ok(reply)) => {
            shared.counting().went(bytes.len());
            Ok(reply)
        }
        Ok(Err(why)) => Err(format!("{to} has not answered: {why}")),
        Err(_) => Err(format!("{to} has not answered in time")),
    }
}

/// The same for the spec of a job, which a provider needs soon or not at all.
pub(super) async fn fetch(shared: &Shared, outgoing: Outgoing) -> Result<Reply, String> {
    let to = outgoing.to;
    let late = || format!("{to} has not sent it within {} s", FETCHING.as_secs());
    timeout(FETCHING, deliver(shared, outgoing)).await.unwrap_or_else(|_| Err(late()))
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
    shared.counting().came(answer.len());
    Reply::decode(&answer).map_err(|error| error.to_string())
}
