//! A node whose sealed proposals end in the middle.

use std::sync::Arc;

use super::tongue::{Outgoing, Tongue};
use crate::network::Network;

/// See the module.
#[derive(Debug)]
pub(super) struct Truncator;

impl Tongue for Truncator {
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing) {
        let half = |mut sealed: Vec<u8>| {
            sealed.truncate(sealed.len() / 2);
            sealed
        };
        outgoing.with_sealed(half).send(network);
    }
}
