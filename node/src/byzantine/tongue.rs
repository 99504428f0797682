//! A network whose node does not say what it should.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libp2p::{Multiaddr, PeerId};

use crate::network::{Network, Transport};
use crate::protocol::{Announcement, Message, Proposal, WireError};
use crate::transport::PeerInfo;

/// A message that the node wants to send.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) id: u64,
    pub(super) to: PeerId,
    pub(super) addrs: Vec<Multiaddr>,
    pub(super) message: Message,
}

/// What becomes of messages. What is not said has no answer, and its node waits for it.
pub(super) trait Tongue: Send + Sync + Debug {
    /// Says `outgoing`, or something else, or nothing.
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing);
}

/// A node's network behind a tongue.
#[derive(Debug)]
pub(super) struct Forked {
    network: Arc<Network>,
    tongue: Arc<dyn Tongue>,
}

impl Forked {
    pub(super) fn new(network: Arc<Network>, tongue: Arc<dyn Tongue>) -> Self {
        Self { network, tongue }
    }
}

impl Outgoing {
    pub(super) fn send(&self, network: &Network) {
        network.send(self.id, self.to, &self.addrs, &self.message);
    }

    /// The same with other bytes under seal, where it is a proposal.
    pub(super) fn with_sealed(mut self, other: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Self {
        if let Message::Proposal(Proposal { sealed, .. }) = &mut self.message {
            *sealed = other(std::mem::take(sealed));
        }
        self
    }
}

/// A number for a message that the node knows nothing of. Its own count up from 1 and down from the largest.
pub(super) fn foreign_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(u64::MAX / 2);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl Transport for Forked {
    fn announce(&self, announcement: &Announcement) -> Result<(), WireError> {
        self.network.announce(announcement)
    }

    fn send(&self, id: u64, to: PeerId, addrs: &[Multiaddr], message: &Message) {
        let outgoing = Outgoing { id, to, addrs: addrs.to_vec(), message: message.clone() };
        self.tongue.say(&self.network, outgoing);
    }

    fn peers(&self) -> Vec<PeerInfo> {
        self.network.peers()
    }

    fn prefix(&self, peer: &PeerId) -> Option<String> {
        self.network.prefix(peer)
    }

    fn addrs(&self) -> Vec<Multiaddr> {
        self.network.addrs()
    }

    fn punish(&self, peer: PeerId, why: &str) {
        self.network.punish(peer, why);
    }
}
