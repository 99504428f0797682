//! A node with truncated encrypted proposals.

use std::sync::Arc;

use super::message_fault::{MessageFault, Outgoing};
use bacalhau_network::Network;

/// Truncates proposals.
#[derive(Debug)]
pub(super) struct Truncator;

impl MessageFault for Truncator {
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing) {
        let half = |mut sealed: Vec<u8>| {
            sealed.truncate(sealed.len() / 2);
            sealed
        };
        outgoing.with_sealed(half).send(network);
    }
}
