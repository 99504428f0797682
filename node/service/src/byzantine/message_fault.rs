//! A transport with injected faults.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libp2p::{Multiaddr, PeerId};

use bacalhau_network::{Network, Transport};
use bacalhau_p2p::PeerInfo;
use bacalhau_protocol::{Announcement, Message, Proposal, WireError};

/// An outgoing message.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) id: u64,
    pub(super) to: PeerId,
    pub(super) addrs: Vec<Multiaddr>,
    pub(super) message: Message,
}

/// Alters or drops outgoing messages. A dropped message has no reply, and its node waits for it.
pub(super) trait MessageFault: Send + Sync + Debug {
    /// Sends `outgoing`, or another message, or nothing.
    fn say(&self, network: &Arc<Network>, outgoing: Outgoing);
}

/// A transport that alters outgoing messages.
#[derive(Debug)]
pub(super) struct FaultyTransport {
    network: Arc<Network>,
    tongue: Arc<dyn MessageFault>,
}

impl FaultyTransport {
    pub(super) fn new(network: Arc<Network>, tongue: Arc<dyn MessageFault>) -> Self {
        Self { network, tongue }
    }
}

impl Outgoing {
    pub(super) fn send(&self, network: &Network) {
        network.send(self.id, self.to, &self.addrs, &self.message);
    }

    /// The same proposal with other encrypted bytes; other messages are unchanged.
    pub(super) fn with_sealed(mut self, other: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Self {
        if let Message::Proposal(Proposal { sealed, .. }) = &mut self.message {
            *sealed = other(std::mem::take(sealed));
        }
        self
    }
}

/// A message number that the node does not use: its own count up from 1 and down from the maximum.
pub(super) fn foreign_id() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(u64::MAX / 2);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl Transport for FaultyTransport {
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
