//! A node that has worked once: it sends its first sealed proposal for every execution that it is given.

use std::sync::{Arc, Mutex, PoisonError};

use super::tongue::{Outgoing, Tongue};
use crate::network::Network;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Replayer(Mutex<Option<Vec<u8>>>);

impl Tongue for Replayer {
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing) {
        let first = |sealed| self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(sealed).clone();
        outgoing.with_sealed(first).send(network);
    }
}
