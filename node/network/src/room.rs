//! Limits on incoming messages: streams and bytes, in total and for each peer. Announced bytes reserve nothing;
//! received bytes count against the peer's share.

use std::sync::{Arc, Mutex, PoisonError};

use libp2p::PeerId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use bacalhau_values::budget::Recent;

/// Messages that are read or answered at once.
const OPEN: usize = 4096;
/// Streams of one peer: the maximum of one connection.
const OPEN_OF_PEER: usize = 256;
/// Bytes up to which a message is small: these are not counted, since messages are.
const SMALL_BYTES: usize = 16 << 10;
/// Larger messages of one peer that are read at once.
const LARGE_OF_PEER: usize = 2;
/// Bytes of larger messages that have come and are not whole yet, in KiB.
const READING_KIB: usize = 64 << 10;
/// Maximum remembered peers. A forgotten peer starts anew, while its streams still count in the total.
const PEERS: usize = 4096;

/// Limits on incoming messages.
#[derive(Debug)]
pub(super) struct Room {
    open: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    peers: Mutex<Recent<PeerId, Share>>,
}

/// Use by a peer.
#[derive(Clone, Debug)]
struct Share {
    open: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// The reservation of a message while it is read or answered.
#[derive(Debug)]
pub(super) struct Place {
    share: Share,
    reading: Arc<Semaphore>,
    kib: usize,
    /// For the bytes, where they are many.
    held: Vec<OwnedSemaphorePermit>,
    _open: [OwnedSemaphorePermit; 2],
}

impl Room {
    pub(super) fn new() -> Self {
        let (open, reading) = (Arc::new(Semaphore::new(OPEN)), Arc::new(Semaphore::new(READING_KIB)));
        Self { open, reading, peers: Mutex::new(Recent::new(PEERS)) }
    }

    /// Reserves a stream for `peer`; `None` at the limit.
    pub(super) fn place(&self, peer: &PeerId) -> Option<Place> {
        let new =
            || Share { open: Arc::new(Semaphore::new(OPEN_OF_PEER)), large: Arc::new(Semaphore::new(LARGE_OF_PEER)) };
        let share = self.peers.lock().unwrap_or_else(PoisonError::into_inner).of(peer, new).clone();
        let own = share.open.clone().try_acquire_owned().ok()?;
        let common = self.open.clone().try_acquire_owned().ok()?;
        let reading = Arc::clone(&self.reading);
        Some(Place { share, reading, kib: 0, held: Vec::new(), _open: [own, common] })
    }
}

impl Place {
    /// Waits for room for `bytes` in all. A large message first waits for others of its peer, which then can all be read to their
    /// end.
    pub(super) async fn grow(&mut self, bytes: usize) -> Option<()> {
        if bytes <= SMALL_BYTES {
            return Some(());
        }
        if self.held.is_empty() {
            self.held.push(self.share.large.clone().acquire_owned().await.ok()?);
        }
        let kib = bytes.div_ceil(1024);
        let more = u32::try_from(kib - self.kib).ok()?;
        self.held.push(self.reading.clone().acquire_many_owned(more).await.ok()?);
        self.kib = kib;
        Some(())
    }

    /// Gives the room of the bytes back: the message is decoded.
    pub(super) fn read(&mut self) {
        (self.kib, self.held) = (0, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_peer_has_a_share_of_streams_and_of_bytes_that_have_come() {
        let (room, peer, other) = (Room::new(), PeerId::random(), PeerId::random());
        let mut places: Vec<Place> = (0..OPEN_OF_PEER).map(|_| room.place(&peer).unwrap()).collect();
        assert!(room.place(&peer).is_none() && room.place(&other).is_some());
        for place in &mut places[..LARGE_OF_PEER] {
            assert_eq!(place.grow(1 << 20).now_or_never(), Some(Some(())));
            assert_eq!(place.grow(8 << 20).now_or_never(), Some(Some(())));
        }
        let mut next = places.pop().unwrap();
        assert_eq!(next.grow(SMALL_BYTES).now_or_never(), Some(Some(())));
        assert_eq!(next.grow(SMALL_BYTES + 1).now_or_never(), None);
        assert_eq!(room.place(&other).unwrap().grow(8 << 20).now_or_never(), Some(Some(())));
        places[0].read();
        assert_eq!(next.grow(8 << 20).now_or_never(), Some(Some(())));
        drop((places, next));
        assert_eq!((room.open.available_permits(), room.reading.available_permits()), (OPEN, READING_KIB));
    }
}
