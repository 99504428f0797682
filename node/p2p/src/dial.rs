//! A connection that is being made: begun at once, waited for when its result is needed.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::TransportError;

/// A dial under way. Dropping it does not stop it.
#[derive(Debug)]
pub struct Dial {
    pub(super) addr: Multiaddr,
    pub(super) result: Receiver<Result<PeerId, String>>,
    pub(super) deadline: Instant,
}

impl Dial {
    /// Waits for the connection, at most as long as the node gives a dial.
    ///
    /// # Errors
    /// [`TransportError::Connect`], which says what happened.
    pub fn wait(self) -> Result<PeerId, TransportError> {
        let left = self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match self.result.recv_timeout(left) {
            Ok(Ok(peer)) => Ok(peer),
            Ok(Err(why)) => Err(TransportError::connect(&self.addr, &why)),
            Err(RecvTimeoutError::Timeout) => Err(TransportError::connect(&self.addr, "there was no answer in time")),
            Err(RecvTimeoutError::Disconnected) => {
                Err(TransportError::connect(&self.addr, "the node of this process was shut down"))
            }
        }
    }
}
