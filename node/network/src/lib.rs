//! The transport of jobs: announcements and messages. Implementations (`driver` over libp2p, `single_node` without peers)
//! sign outgoing messages and verify incoming ones: size, encoding, signature, sender and recipient. `requester` and
//! `compute` decide whether the sender is authorized.

mod announcements;
mod driver;
mod frame;
mod inbox;
mod outbox;
mod room;
mod single_node;

use std::fmt;
use std::sync::Arc;

use libp2p::{Multiaddr, PeerId};

use bacalhau_p2p::{MAX_GOSSIP_BYTES, PeerInfo};
use bacalhau_protocol::{Announcement, MAX_ANNOUNCEMENT_BYTES, Message, Reply, SendError, WireError};

const _: () = assert!(MAX_ANNOUNCEMENT_BYTES == MAX_GOSSIP_BYTES, "gossip carries whole announcements");

pub use driver::Network;
pub use single_node::SingleNodeTransport;

/// Carries announcements and messages. Calls do not wait for the network.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends an announcement to all connected nodes, except this one.
    ///
    /// # Errors
    /// When it is larger than nodes accept.
    fn announce(&self, announcement: &Announcement) -> Result<(), WireError>;

    /// Sends `message` to a node, at `addrs` or at addresses known to other nodes. The reply or error is
    /// [`Heard::Answered`] with this `id`, once. A message to this node is delivered like others.
    fn send(&self, id: u64, to: PeerId, addrs: &[Multiaddr], message: &Message);

    /// The connected peers.
    fn peers(&self) -> Vec<PeerInfo>;

    /// Address prefix of `peer`'s connection, which distinguishes operators: /24 of IPv4, /48 of IPv6. `None` when its
    /// address is not visible, as through a relay. Default: not visible.
    fn prefix(&self, _peer: &PeerId) -> Option<String> {
        None
    }

    /// Where others reach this node, with `/p2p/…` at the end.
    fn addrs(&self) -> Vec<Multiaddr>;

    /// `peer` did something that honest nodes do not. After a few times it is blocked for a while.
    fn punish(&self, peer: PeerId, why: &str);
}

/// An input from the network.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is boxed wherever it waits")]
pub enum Heard {
    /// A job was announced, by its requester.
    Announced {
        /// The announcement.
        announcement: Announcement,
        /// Its signer, the job's requester.
        from: PeerId,
    },
    /// A message for this node.
    Message {
        /// Its signer, a connected peer.
        from: PeerId,
        /// The message.
        message: Message,
        /// Sends the reply. Without a reply the sender repeats the message.
        reply: ReplyTo,
    },
    /// The result of a sent message.
    Answered {
        /// The number given to [`Transport::send`].
        id: u64,
        /// The reply, or why there is none.
        result: Result<Reply, SendError>,
    },
    /// A peer is connected. A hint: [`Transport::peers`] is authoritative.
    PeerUp(PeerId),
    /// A peer has disconnected. Also a hint only.
    PeerDown(PeerId),
}

/// Accepts inputs on a network thread: immediately, or returns them when there is no room. Messages of peers are then
/// dropped, and the peers repeat them; inputs that this node needs are offered again.
pub type Listener = Arc<dyn Fn(Box<Heard>) -> Result<(), Box<Heard>> + Send + Sync>;

/// Sends the reply to a message. Dropped without a reply.
pub struct ReplyTo(Box<dyn FnOnce(Reply) + Send>);

impl ReplyTo {
    /// A reply that is passed to `answer`, which must not block.
    pub fn new(answer: impl FnOnce(Reply) + Send + 'static) -> Self {
        Self(Box::new(answer))
    }

    /// Sends the reply.
    pub fn answer(self, reply: Reply) {
        (self.0)(reply);
    }
}

impl fmt::Debug for ReplyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyTo")
    }
}

#[cfg(test)]
mod tests;
