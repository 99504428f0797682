//! A connection that is being made: begun at once, waited for when its result is needed.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use super::{ConnectError, TransportError};

/// A dial under way. Dropping it does not stop it.
#[derive(Debug)]
pub struct Dial {
    pub(super) addr: Multiaddr,
    pub(super) result: Receiver<Result<PeerId, ConnectError>>,
    pub(super) deadline: Instant,
}

impl Dial {
    /// Waits for the connection, up to the dial timeout.
    ///
    /// # Errors
    /// [`TransportError::Connect`] with the reason.
    pub fn wait(self) -> Result<PeerId, TransportError> {
        let left = self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let result = self.result.recv_timeout(left).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(ConnectError::Timeout),
            RecvTimeoutError::Disconnected => Err(ConnectError::Stopped),
        });
        result.map_err(|why| TransportError::connect(&self.addr, why))
    }
}
