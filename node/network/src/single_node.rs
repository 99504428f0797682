//! A transport without peers, for a single node.

use std::fmt;

use libp2p::{Multiaddr, PeerId};

use super::{Heard, Listener, ReplyTo, Transport};
use bacalhau_p2p::PeerInfo;
use bacalhau_protocol::{Announcement, Message, SendError, WireError};

/// The transport of a single node.
pub struct SingleNodeTransport {
    me: PeerId,
    listener: Listener,
}

impl SingleNodeTransport {
    /// The transport of `me`, whose messages to itself go to `listener`.
    pub fn new(me: PeerId, listener: Listener) -> Self {
        Self { me, listener }
    }
}

impl Transport for SingleNodeTransport {
    fn announce(&self, _: &Announcement) -> Result<(), WireError> {
        Ok(())
    }

    fn send(&self, id: u64, to: PeerId, _: &[Multiaddr], message: &Message) {
        let answered = move |result| Box::new(Heard::Answered { id, result });
        let heard = if to == self.me {
            let listener = self.listener.clone();
            let reply = ReplyTo::new(move |reply| drop(listener(answered(Ok(reply)))));
            Box::new(Heard::Message { from: self.me, message: message.clone(), reply })
        } else {
            answered(Err(SendError::NoNetwork))
        };
        if (self.listener)(heard).is_err_and(|heard| matches!(*heard, Heard::Message { .. })) {
            let _ = (self.listener)(answered(Err(SendError::Busy)));
        }
    }

    fn peers(&self) -> Vec<PeerInfo> {
        Vec::new()
    }

    fn addrs(&self) -> Vec<Multiaddr> {
        Vec::new()
    }

    fn punish(&self, _: PeerId, _: &str) {}
}

impl fmt::Debug for SingleNodeTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SingleNodeTransport").field(&self.me).finish()
    }
}
