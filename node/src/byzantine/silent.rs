//! A node that takes work and is not heard of again.

use std::sync::Arc;

use super::tongue::{Outgoing, Tongue};
use crate::network::Network;
use crate::protocol::Message;

/// See the module.
#[derive(Debug)]
pub(super) struct Silent;

impl Tongue for Silent {
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing) {
        if matches!(outgoing.message, Message::Bid(_)) {
            outgoing.send(network);
        }
    }
}
