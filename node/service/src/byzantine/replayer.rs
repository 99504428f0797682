//! A node that has worked once: it sends its first sealed proposal for every execution that it is given.

use std::sync::{Arc, Mutex, PoisonError};

use super::message_fault::{MessageFault, Outgoing};
use bacalhau_network::Network;

/// Sends an old proposal again.
#[derive(Debug, Default)]
pub(super) struct Replayer(Mutex<Option<Vec<u8>>>);

impl MessageFault for Replayer {
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing) {
        let first = |sealed| self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(sealed).clone();
        outgoing.with_sealed(first).send(network);
    }
}
