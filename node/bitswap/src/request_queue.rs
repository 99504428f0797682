//! Request queue of a peer: its wants are answered in order, one message at a time. The next message is read from the
//! blockstore while one is sent, so a peer that does not read costs two messages. Reads run on blocking threads, and
//! peers alternate.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, mpsc};

use super::cid_prefix;
use super::message::{Kind, Message, Payload, Presence, Want};
use super::record::Record;
use bacalhau_cas::{Cid, DataError, LocalBlockstore};

/// Bytes of blocks above which a message is sent. With the largest block on top it is still below the bound of messages.
const MESSAGE_BYTES: u64 = 1 << 20;
/// Maximum wants answered in one message.
const MESSAGE_WANTS: usize = 1024;
/// Maximum block size that is sent in answer to a want-have, because the block is as cheap as the answer.
const SMALL_BYTES: u64 = 1024;

/// The request queue of a peer.
#[derive(Debug)]
pub(super) struct RequestQueue {
    bound: usize,
    queue: Mutex<Queue>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    order: VecDeque<Cid>,
    /// Wants of `order` that were not cancelled.
    wants: HashMap<Cid, Want>,
}

impl RequestQueue {
    pub(super) fn new(bound: usize) -> Self {
        Self { bound, queue: Mutex::default(), news: Notify::new() }
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the wants of a message; `full` replaces all others. Returns how many were dropped.
    pub(super) fn take(&self, wants: &[Want], full: bool) -> usize {
        let mut queue = self.queue();
        if full {
            *queue = Queue::default();
        }
        let mut dropped = 0;
        for want in wants {
            if want.kind == Kind::Cancel {
                queue.wants.remove(&want.cid);
            } else if let Some(waiting) = queue.wants.get_mut(&want.cid) {
                *waiting = *want;
            } else if queue.order.len() < self.bound {
                queue.wants.insert(want.cid, *want);
                queue.order.push_back(want.cid);
            } else {
                dropped += 1;
            }
        }
        if queue.wants.is_empty() {
            queue.order.clear();
        }
        drop(queue);
        self.news.notify_one();
        dropped
    }

    fn next(&self) -> Vec<Want> {
        let mut queue = self.queue();
        let mut wants = Vec::new();
        while wants.len() < MESSAGE_WANTS {
            let Some(cid) = queue.order.pop_front() else { break };
            wants.extend(queue.wants.remove(&cid));
        }
        wants
    }

    /// Returns wants that did not fit into the message to the queue.
    fn put_back(&self, rest: &[Want]) {
        let mut queue = self.queue();
        for want in rest.iter().rev() {
            queue.order.push_front(want.cid);
            queue.wants.entry(want.cid).or_insert(*want);
        }
    }

    /// Answers until the connection ends.
    pub(super) async fn serve(
        self: Arc<Self>,
        shelf: Arc<dyn LocalBlockstore>,
        turns: Arc<Semaphore>,
        record: Arc<Record>,
        out: mpsc::Sender<Message>,
    ) {
        loop {
            let Ok(room) = out.reserve().await else { return };
            let wants = self.next();
            if wants.is_empty() {
                drop(room);
                tokio::select! {
                    () = self.news.notified() => continue,
                    () = out.closed() => return,
                }
            }
            let Ok(turn) = turns.clone().acquire_owned().await else { return };
            let shelf = shelf.clone();
            let read = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                let (message, answered) = answer(&*shelf, &wants);
                (message, wants, answered)
            });
            let Ok((message, wants, answered)) = read.await else { return };
            self.put_back(&wants[answered..]);
            let debt = record.budget.bytes_served.take(message.block_bytes(), Instant::now());
            if !debt.is_zero() {
                tokio::time::sleep(debt).await;
            }
            if message != Message::default() {
                room.send(message);
            }
        }
    }
}

/// A message that answers the first of `wants`, and their number. An unreadable block counts as absent.
fn answer(shelf: &dyn LocalBlockstore, wants: &[Want]) -> (Message, usize) {
    let mut message = Message::default();
    let mut bytes = 0;
    for (index, want) in wants.iter().enumerate() {
        if bytes >= MESSAGE_BYTES {
            return (message, index);
        }
        let cid = want.cid;
        let size = if want.kind == Kind::Have { shelf.size_of(&cid).ok().flatten() } else { None };
        if size.is_some_and(|size| size > SMALL_BYTES) {
            message.presences.push(Presence { cid, have: true });
            continue;
        }
        let found = if want.kind == Kind::Have && size.is_none() { None } else { shelf.find(&cid).ok().flatten() };
        match found {
            Some(data) => {
                bytes += data.len() as u64;
                message.blocks.push(Payload { prefix: cid_prefix::of(&cid).into(), data });
            }
            None if want.dont_have => message.presences.push(Presence { cid, have: false }),
            None => {}
        }
    }
    (message, wants.len())
}

/// An empty blockstore, for nodes that do not serve.
#[derive(Debug)]
pub(super) struct Nothing;

impl LocalBlockstore for Nothing {
    fn find(&self, _: &Cid) -> Result<Option<Bytes>, DataError> {
        Ok(None)
    }

    fn size_of(&self, _: &Cid) -> Result<Option<u64>, DataError> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bacalhau_cas::memory::MemoryBlockstore;
    use bacalhau_cas::{Block, Code};

    fn want(cid: Cid, kind: Kind) -> Want {
        Want { cid, kind, dont_have: true }
    }

    #[test]
    fn answers_by_kind_and_size() {
        let shelf = MemoryBlockstore::default();
        let small = shelf.put(Block::of(Code::Raw, "small"));
        let large = shelf.put(Block::of_v0(vec![1; 2000]));
        let absent = *Block::of(Code::Raw, "absent").cid();
        let wants = [
            want(small, Kind::Have),
            want(large, Kind::Have),
            want(large, Kind::Block),
            want(absent, Kind::Have),
            want(absent, Kind::Block),
            Want { dont_have: false, ..want(absent, Kind::Block) },
        ];
        let (message, answered) = answer(&shelf, &wants);
        assert_eq!(answered, wants.len());
        let blocks: Vec<_> = message.blocks.iter().map(|block| block.data.len()).collect();
        assert_eq!(blocks, [5, 2000]);
        let presences: Vec<_> = message.presences.iter().map(|presence| (presence.cid, presence.have)).collect();
        assert_eq!(presences, [(large, true), (absent, false), (absent, false)]);
    }

    #[test]
    fn a_message_ends_when_it_is_large_enough() {
        let shelf = MemoryBlockstore::default();
        let wants: Vec<_> =
            (0..3).map(|byte| want(shelf.put(Block::of(Code::Raw, vec![byte; 600 << 10])), Kind::Block)).collect();
        assert_eq!(answer(&shelf, &wants).1, 2);
    }

    #[test]
    fn wants_wait_in_order_until_called_off_and_no_more_than_there_is_room() {
        let cids: Vec<_> = (0..4).map(|number: u32| *Block::of(Code::Raw, number.to_string()).cid()).collect();
        let all: Vec<_> = cids.iter().map(|cid| want(*cid, Kind::Block)).collect();
        let desk = RequestQueue::new(3);
        assert_eq!(desk.take(&all, false), 1);
        assert_eq!(desk.take(&[want(cids[1], Kind::Cancel)], false), 0);
        let next = desk.next();
        assert_eq!(next.iter().map(|want| want.cid).collect::<Vec<_>>(), [cids[0], cids[2]]);
        desk.put_back(&next[1..]);
        assert_eq!(desk.next(), next[1..]);
        desk.take(&all[..2], false);
        desk.take(&all[2..3], true);
        assert_eq!(desk.next(), all[2..3]);
    }
}
