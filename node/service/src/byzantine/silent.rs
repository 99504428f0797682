//! A node that accepts work and sends nothing more.

use std::sync::Arc;

use super::message_fault::{MessageFault, Outgoing};
use bacalhau_network::Network;
use bacalhau_protocol::Message;

/// Drops all messages after the bid.
#[derive(Debug)]
pub(super) struct Silent;

impl MessageFault for Silent {
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing) {
        if matches!(outgoing.message, Message::Bid(_)) {
            outgoing.send(network);
        }
    }
}
