//! The network of jobs as a daemon sees it: it announces, it sends, it hears. Whoever carries it (`driver`, over libp2p;
//! `alone`, where nobody else is) signs what goes out and has checked what comes in: size, encoding, signature, sender
//! and receiver. Whether the sender may say it is decided by `requester` and `compute`.

mod alone;
mod announcements;
mod driver;
mod frame;
mod inbox;
mod outbox;
mod room;

use std::fmt;
use std::sync::Arc;

use libp2p::{Multiaddr, PeerId};

use crate::protocol::{Announcement, MAX_ANNOUNCEMENT_BYTES, Message, Reply, WireError};
use crate::transport::{MAX_GOSSIP_BYTES, PeerInfo};

const _: () = assert!(MAX_ANNOUNCEMENT_BYTES == MAX_GOSSIP_BYTES, "gossip carries whole announcements");

pub use alone::Alone;
pub use driver::Network;

/// What carries announcements and messages. No call waits for the network.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Tells everybody who is there now. This node does not hear it.
    ///
    /// # Errors
    /// When it is larger than nodes take.
    fn announce(&self, announcement: &Announcement) -> Result<(), WireError>;

    /// Sends `message` to one node, which is looked for at `addrs` and wherever other nodes know it. Its answer, or why
    /// there is none, is [`Heard::Answered`] with this `id`, once. A message to this node itself is heard as others are.
    fn send(&self, id: u64, to: PeerId, addrs: &[Multiaddr], message: &Message);

    /// Who is connected, by name.
    fn peers(&self) -> Vec<PeerInfo>;

    /// The prefix of the address that `peer` is connected from, by which operators are told apart: /24 of IPv4, /48 of
    /// IPv6. `None` where no address of it is seen, as through a relay. Default: none is seen.
    fn prefix(&self, _peer: &PeerId) -> Option<String> {
        None
    }

    /// Where others reach this node, with `/p2p/…` at the end.
    fn addrs(&self) -> Vec<Multiaddr>;

    /// `peer` did what no honest node does. A few times, and it is not spoken to for a while.
    fn punish(&self, peer: PeerId, why: &str);
}

/// What there is to be heard.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is boxed wherever it waits")]
pub enum Heard {
    /// A job was announced, by its requester.
    Announced {
        /// What was said.
        announcement: Announcement,
        /// By whom: the job's requester.
        from: PeerId,
    },
    /// A message for this node.
    Message {
        /// Who signed it, and is connected.
        from: PeerId,
        /// What it says.
        message: Message,
        /// How it is answered. Without an answer it will be sent again.
        reply: ReplyTo,
    },
    /// What came of a message that was sent.
    Answered {
        /// The one given to [`Transport::send`].
        id: u64,
        /// The answer, or why there is none, in words.
        result: Result<Reply, String>,
    },
    /// A peer is connected. A hint: [`Transport::peers`] is how it is.
    PeerUp(PeerId),
    /// A peer is gone. A hint too.
    PeerDown(PeerId),
}

/// Takes what is heard, on a thread of the network: at once, or it gives it back because there is no room. What others
/// say is then ignored; they will say it again. What this node has to know is given again.
pub type Listener = Arc<dyn Fn(Box<Heard>) -> Result<(), Box<Heard>> + Send + Sync>;

/// Where the answer to a message goes. It is dropped where there is none.
pub struct ReplyTo(Box<dyn FnOnce(Reply) + Send>);

impl ReplyTo {
    /// One that calls `answer`, which has to be short.
    pub fn new(answer: impl FnOnce(Reply) + Send + 'static) -> Self {
        Self(Box::new(answer))
    }

    /// Answers.
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
