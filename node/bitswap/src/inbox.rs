//! Input of a peer from all its streams: wants go to its request queue; blocks are hashed on blocking threads and
//! delivered to callers. Peers over budget are read later or disconnected.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::budget::Verdict;
use super::message::{Message, Payload};
use super::node::{Link, Node};
use super::record::count;
use super::room::Taken;
use super::session::Answer;
use super::{cid_prefix, frame};
use bacalhau_cas::Hash;
use bacalhau_p2p::PeerStream;

/// Weight of a late byte compared with an unrequested one: late blocks result from our own repeated requests too.
const LATE: u64 = 4;

/// Reads a stream to its end.
pub(super) async fn read(node: Arc<Node>, link: Arc<Link>, mut stream: PeerStream) {
    loop {
        let (bytes, room) = match frame::read(&mut stream, &link.record.pulse, &link.reading).await {
            Ok(Some(read)) => read,
            Ok(None) => return,
            Err(error) => match error.kind() {
                io::ErrorKind::InvalidData => return count(&link.record.tally.streams_broken, 1),
                // It holds memory that others could use, and would go on to.
                io::ErrorKind::TimedOut | io::ErrorKind::QuotaExceeded => return node.throw_out(&link),
                // Streams may be reset between messages or with their connection.
                _ => return,
            },
        };
        let length = bytes.len();
        let Ok(message) = Message::decode(bytes) else {
            return count(&link.record.tally.streams_broken, 1);
        };
        let Some(delay) = wants(&link, &message) else { return node.throw_out(&link) };
        let delay = delay.max(link.record.budget.bytes_received.take(length as u64, Instant::now()));
        if !(message.blocks.is_empty() && message.presences.is_empty()) {
            // Maximum messages of a peer hashed at once; the next one waits, and with it the peer.
            let Ok(slot) = link.hashing.clone().acquire_owned().await else { return };
            let (node, link) = (node.clone(), link.clone());
            tokio::task::spawn_blocking(move || blocks(&node, &link, &message, length, (slot, room)));
        }
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}

/// Handles the wants of a message. Returns the pause before the next one, or `None` to disconnect.
fn wants(link: &Link, message: &Message) -> Option<Duration> {
    let (tally, total) = (&link.record.tally, message.wants.len());
    if total == 0 && !message.full {
        return Some(Duration::ZERO);
    }
    count(&tally.wants_received, total as u64);
    match link.record.budget.wants(total, Instant::now()) {
        Verdict::Take(delay) => {
            count(&tally.wants_dropped, link.desk.take(&message.wants, message.full) as u64);
            Some(delay)
        }
        Verdict::Drop(delay) => {
            count(&tally.wants_dropped, total as u64);
            Some(delay)
        }
        Verdict::Disconnect => None,
    }
}

fn blocks(node: &Arc<Node>, link: &Link, message: &Message, length: usize, held: (OwnedSemaphorePermit, Taken)) {
    let hashed = message.blocks.iter().filter_map(|block| hash(block, length)).collect::<Vec<_>>();
    let unreadable = (message.blocks.len() - hashed.len()) as u64;
    let (received, answers) =
        node.step_quietly(|session, step| session.received(link.peer, hashed, &message.presences, step));
    // Counted before callers receive the blocks and read the statistics.
    let tally = &link.record.tally;
    count(&tally.blocks_received, received.wanted);
    count(&tally.bytes_received, received.bytes);
    count(&tally.blocks_unasked, received.unasked + unreadable);
    count(&tally.blocks_late, received.late);
    let unbidden = received.unasked_bytes + received.late_bytes / LATE + unreadable;
    if unbidden > 0 && !link.record.budget.bears_unasked(unbidden, Instant::now()) {
        node.throw_out(link);
    }
    answers.into_iter().for_each(Answer::give);
    // Messages held back meanwhile may be sent now.
    drop(held);
}

/// The block by its hash. Small blocks are copied out of a large message, so that keeping a block does not keep the
/// message.
fn hash(block: &Payload, message_bytes: usize) -> Option<(Hash, Bytes)> {
    let hash = cid_prefix::hash(&block.prefix, &block.data)?;
    let small = block.data.len() < message_bytes / 8;
    Some((hash, if small { Bytes::copy_from_slice(&block.data) } else { block.data.clone() }))
}
