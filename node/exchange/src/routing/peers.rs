//! The peers of Bitswap as providers that a router named: they are dialed, and then asked through the node's own Bitswap.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use multiaddr::{Multiaddr, Protocol};

use crate::{Answers, BlockProvider};
use bacalhau_cas::Cid;
use bacalhau_http::is_public;

/// Addresses of one name that are dialed.
const MAX_RESOLVED: usize = 4;

/// Waits for a connection that was begun. The error is that of the network.
pub type Dialing = Box<dyn FnOnce() -> Result<(), Box<dyn Error + Send + Sync>> + Send>;

/// The node's part of the network of peers.
#[derive(Clone)]
pub struct PeerNetwork {
    /// Asks the peers that are connected, and waits for those that are being dialed.
    pub blocks: Arc<dyn BlockProvider>,
    /// Begins to connect to a peer.
    pub dial: Arc<dyn Fn(&Multiaddr) -> Dialing + Send + Sync>,
}

impl fmt::Debug for PeerNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerNetwork").field("blocks", &self.blocks).finish_non_exhaustive()
    }
}

/// The peers of one lookup, as a side of a race.
#[derive(Debug)]
pub(super) struct PeersSide(pub(super) Arc<dyn BlockProvider>);

impl BlockProvider for PeersSide {
    fn name(&self) -> String {
        self.0.name()
    }

    fn want(&self, cids: &[Cid], answers: &Answers) {
        self.0.want(cids, answers);
    }

    /// Others of this node may want the same block of the same peers, so nothing is called off here.
    fn cancel(&self, _cids: &[Cid]) {}
}

/// Where a peer is dialed: addresses of numbers, since a name could lead elsewhere when it is looked up again. Empty where it has none that may
/// be contacted. Looking up a name may take as long as the system takes.
pub(super) fn dialable(addr: &Multiaddr, private: bool) -> Vec<Multiaddr> {
    let mut parts = addr.iter();
    let name = match parts.next() {
        Some(Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name)) => name.into_owned(),
        _ => return vec![addr.clone()],
    };
    let only = |address: &IpAddr| match addr.iter().next() {
        Some(Protocol::Dns4(_)) => address.is_ipv4(),
        Some(Protocol::Dns6(_)) => address.is_ipv6(),
        _ => true,
    };
    let Ok(found) = (name.as_str(), 0).to_socket_addrs() else { return Vec::new() };
    let addresses: Vec<IpAddr> = found.map(|found| found.ip()).filter(only).collect();
    // As with HTTP: no honest name has one that is not public.
    if !private && addresses.iter().any(|address| !is_public(*address)) {
        return Vec::new();
    }
    let rest: Vec<Protocol<'_>> = parts.collect();
    let literal = |address: &IpAddr| rest.iter().cloned().fold(Multiaddr::from(*address), Multiaddr::with);
    addresses.iter().take(MAX_RESOLVED).map(literal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_numbers_that_may_be_contacted() {
        let addr = |text: &str| text.parse::<Multiaddr>().unwrap();
        let numbers = addr("/ip4/8.8.8.8/tcp/4001");
        assert_eq!(dialable(&numbers, false), [numbers]);
        assert!(dialable(&addr("/dns4/localhost/tcp/4001"), false).is_empty());
        assert_eq!(dialable(&addr("/dns4/localhost/tcp/4001"), true), [addr("/ip4/127.0.0.1/tcp/4001")]);
        assert!(dialable(&addr("/dns/no-such-host.invalid/tcp/4001"), true).is_empty());
    }
}
