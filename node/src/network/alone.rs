//! A network in which nobody else is: for one node that does everything itself.

use std::fmt;

use libp2p::{Multiaddr, PeerId};

use super::{Heard, Listener, ReplyTo, Transport};
use crate::protocol::{Announcement, Message, WireError};
use crate::transport::PeerInfo;

/// See the module.
pub struct Alone {
    me: PeerId,
    listener: Listener,
}

impl Alone {
    /// The network of `me` alone, who hears by `listener` what it says to itself.
    pub fn new(me: PeerId, listener: Listener) -> Self {
        Self { me, listener }
    }
}

impl Transport for Alone {
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
            answered(Err("this node has no network".into()))
        };
        if (self.listener)(heard).is_err_and(|heard| matches!(*heard, Heard::Message { .. })) {
            let _ = (self.listener)(answered(Err("this node has no time".into())));
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

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alone").field(&self.me).finish()
    }
}
