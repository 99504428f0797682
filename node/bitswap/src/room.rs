//! Memory of messages being read and hashed: a limit for each peer and for all peers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::message::MAX_MESSAGE_BYTES;

/// Memory of one peer in bytes: its request window, twice.
pub(super) const PEER_BYTES: usize = 8 * MAX_MESSAGE_BYTES;
/// Bytes of all peers.
const ALL_BYTES: usize = 128 * MAX_MESSAGE_BYTES;
/// Bytes of one peer that may wait for memory. A peer that sends only requested blocks does not wait long; more is
/// buffered in the connection, up to this limit.
const WAITING_BYTES: usize = PEER_BYTES;

/// Memory of all peers.
#[derive(Clone, Debug)]
pub(super) struct Rooms(Arc<Semaphore>);

/// Memory of one peer.
#[derive(Debug)]
pub(super) struct Room {
    own: Arc<Semaphore>,
    all: Rooms,
    waiting: AtomicUsize,
}

/// Memory that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Rooms {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ALL_BYTES)))
    }

    /// Room for a peer.
    pub(super) fn of_peer(&self) -> Room {
        Room { own: Arc::new(Semaphore::new(PEER_BYTES)), all: self.clone(), waiting: AtomicUsize::new(0) }
    }
}

impl Room {
    /// Waits for memory for a message of this size.
    ///
    /// # Errors
    /// `QuotaExceeded` when too many bytes of the peer are waiting.
    pub(super) async fn take(&self, bytes: usize) -> io::Result<Taken> {
        let permits = u32::try_from(bytes).map_err(io::Error::other)?;
        let own = if let Ok(own) = self.own.clone().try_acquire_many_owned(permits) {
            own
        } else {
            let _waits = self.wait(bytes)?;
            self.own.clone().acquire_many_owned(permits).await.map_err(io::Error::other)?
        };
        let all = self.all.0.clone().acquire_many_owned(permits).await.map_err(io::Error::other)?;
        Ok(Taken { _own: own, _all: all })
    }

    fn wait(&self, bytes: usize) -> io::Result<Waits<'_>> {
        let waits = Waits { waiting: &self.waiting, bytes };
        if self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes > WAITING_BYTES {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        Ok(waits)
    }
}

/// Bytes that wait, until this is dropped.
struct Waits<'a> {
    waiting: &'a AtomicUsize,
    bytes: usize,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
