//! Incoming messages, one stream each. Budgets are checked when the stream opens and when its length is known; then it
//! is read, and decoded when complete. Memory is reserved as bytes arrive, up to a share for each peer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::AsyncWriteExt;
use libp2p::PeerId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::driver::Shared;
use super::frame::{read_bytes, read_length, write};
use super::room::{Place, Room};
use super::{Heard, ReplyTo};
use bacalhau_p2p::{Cost, FORGERY, PeerStream};
use bacalhau_protocol::{Envelope, MAX_SIGNED_BYTES, Message, Wire, WireError};

/// How long a message may take to come, or an answer to go.
const READING: Duration = Duration::from_secs(20);
/// How long the daemon may take to answer.
const ANSWERING: Duration = Duration::from_secs(30);
/// Idle timeout within a message.
const SILENCE: Duration = Duration::from_secs(10);
/// Bytes of a message for which room is taken at once.
const PIECE_BYTES: usize = 16 << 10;

/// Takes the streams of messages, as long as the node runs.
pub(super) async fn accept(shared: Arc<Shared>, mut streams: mpsc::Receiver<PeerStream>) {
    let room = Room::new();
    while let Some(stream) = streams.recv().await {
        let message = Cost { messages: 1, ..Cost::default() };
        if !shared.admits(&stream.peer, message, Instant::now()) {
            continue;
        }
        let Some(place) = room.place(&stream.peer) else {
            shared.counting().ignored();
            continue;
        };
        let task = shared.clone();
        shared.handle.spawn(async move { serve(&task, stream, place).await });
    }
}

async fn serve(shared: &Arc<Shared>, mut stream: PeerStream, mut place: Place) {
    let from = stream.peer;
    let message = match timeout(READING, read(shared, &mut stream, &mut place)).await {
        Ok(Some(message)) => message,
        Ok(None) => return,
        Err(_) => return shared.refuse(&from, 1, &"a message did not come in time"),
    };
    let (reply, answer) = oneshot::channel();
    let reply = ReplyTo::new(move |answer| drop(reply.send(answer)));
    if (shared.listener)(Box::new(Heard::Message { from, message, reply })).is_err() {
        return shared.counting().ignored();
    }
    let Ok(Ok(reply)) = timeout(ANSWERING, answer).await else { return };
    let Ok(bytes) = reply.encode() else { return };
    let written = async {
        write(&mut stream, &bytes).await?;
        stream.close().await
    };
    if let Ok(Ok(())) = timeout(READING, written).await {
        shared.counting().sent(bytes.len());
    }
}

async fn read(shared: &Shared, stream: &mut PeerStream, place: &mut Place) -> Option<Message> {
    let from = stream.peer;
    let length = match read_length(stream, MAX_SIGNED_BYTES).await {
        Ok(length) => length,
        Err(error) => {
            // A length above the limit is intentional; a broken stream is not the peer's fault.
            if error.kind() == std::io::ErrorKind::InvalidData {
                shared.refuse(&from, 1, &error);
            }
            return None;
        }
    };
    if !shared.admits(&from, Cost { bytes: length as u64, ..Cost::default() }, Instant::now()) {
        return None;
    }
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let piece = PIECE_BYTES.min(length - bytes.len());
        let Ok(read) = timeout(SILENCE, read_bytes(stream, piece)).await else {
            shared.refuse(&from, 1, &"a peer stopped sending in the middle of a message");
            return None;
        };
        // Memory is reserved for received bytes, not for announced ones.
        place.grow(bytes.len() + piece).await?;
        bytes.extend(read.ok()?);
    }
    let opened = open(&bytes, from, shared.handle.peer_id());
    place.read();
    match opened {
        Ok(message) => {
            shared.counting().received(length);
            Some(message)
        }
        Err(error) => {
            shared.refuse(&from, FORGERY, &error);
            None
        }
    }
}

/// Why a message is invalid.
#[derive(Debug, thiserror::Error)]
enum NoMessage {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("it is from {0}, which is not the connected peer")]
    From(PeerId),
    #[error("it is for {0}")]
    To(PeerId),
}

fn open(bytes: &[u8], from: PeerId, me: PeerId) -> Result<Message, NoMessage> {
    let envelope = Envelope::open(bytes)?;
    if envelope.from != from {
        return Err(NoMessage::From(envelope.from));
    }
    if envelope.to != me {
        return Err(NoMessage::To(envelope.to));
    }
    Ok(envelope.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_testkit::jobs::{key, running};

    #[test]
    fn a_message_is_for_this_node_and_from_who_is_connected() {
        let (from, me) = (key(1).public().to_peer_id(), key(2).public().to_peer_id());
        let envelope = Envelope { from, to: me, message: running(1) };
        let bytes = envelope.sign(&key(1)).unwrap();
        assert_eq!(open(&bytes, from, me).unwrap(), running(1));
        let other = key(3).public().to_peer_id();
        assert!(matches!(open(&bytes, other, me), Err(NoMessage::From(said)) if said == from));
        assert!(matches!(open(&bytes, from, other), Err(NoMessage::To(said)) if said == me));
        assert!(matches!(open(&bytes[1..], from, me), Err(NoMessage::Wire(_))));
    }
}
