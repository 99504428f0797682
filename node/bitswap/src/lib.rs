//! Bitswap 1.2.0: blocks from peers and for peers, over the streams of a libp2p node. It asks several peers at once and trusts
//! none: a block's hash is made from its bytes.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bacalhau_bitswap::{Bitswap, Config};
//! use bacalhau_cas::memory::MemoryShelf;
//! use bacalhau_p2p::{Host, HostConfig};
//!
//! // A node that serves the blocks of a store to all peers that connect to it.
//! let host = Host::start(&HostConfig::default())?;
//! let blocks = Arc::new(MemoryShelf::default());
//! let bitswap = Bitswap::start(&host, Some(blocks), Config::default());
//! assert!(bitswap.stats().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! As a [`Provider`] it fetches blocks for an [`Exchange`](bacalhau_exchange::Exchange).
//!
//! Of the parts, `session` decides who is asked for what and knows no network; `desk` serves one peer; `inbox` and
//! `outbox` carry messages; `budget` bounds what one peer may cost; `node` holds them together.

mod budget;
mod config;
mod desk;
mod frame;
mod inbox;
mod message;
mod node;
mod outbox;
mod prefix;
mod pulse;
mod record;
mod room;
mod session;

use std::sync::Arc;

use libp2p::{Multiaddr, PeerId, StreamProtocol};

use bacalhau_cas::{Cid, DataError, IDENTITY, Shelf};
use bacalhau_exchange::{Answers, Provider};
use bacalhau_p2p::{Dial, Host};
pub use config::{Budget, Config};
use node::Node;
pub use record::PeerStats;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/ipfs/bitswap/1.2.0");

/// Streams that wait to be read. kubo opens one for each block and does not send again what was on one that was reset.
const ACCEPTED: usize = 4096;

/// Bitswap on a [`Host`]: a [`Provider`] of what the peers of that host have, and where they get what is on our shelf.
/// It ends with the host.
#[derive(Debug)]
pub struct Bitswap {
    node: Arc<Node>,
}

impl Bitswap {
    /// Begins to speak Bitswap on `host`, and to serve what is on the shelf. Without one it says that it has nothing.
    pub fn start(host: &Host, serve: Option<Arc<dyn Shelf>>, config: Config) -> Arc<Self> {
        let handle = host.handle();
        let node = Node::new(handle.clone(), serve.unwrap_or_else(|| Arc::new(desk::Nothing)), config);
        let streams = handle.accept(PROTOCOL, ACCEPTED);
        let watcher = Arc::downgrade(&node);
        handle.spawn(Node::watch(watcher.clone()));
        handle.watch(move |event| {
            if let Some(node) = watcher.upgrade() {
                node.event(event);
            }
        });
        handle.spawn(node.clone().accept(streams));
        Arc::new(Self { node })
    }

    /// Begins to connect to a peer. What is wanted meanwhile waits for it.
    pub fn connect(&self, addr: &Multiaddr) -> Dial {
        self.node.host.dial(addr)
    }

    /// What went to and fro, peer by peer.
    pub fn stats(&self) -> Vec<(PeerId, PeerStats)> {
        self.node.records.stats()
    }
}

impl Provider for Bitswap {
    fn name(&self) -> String {
        "bitswap".into()
    }

    fn want(&self, cids: &[Cid], answers: &Answers) {
        let (known, other): (Vec<Cid>, Vec<Cid>) = cids.iter().partition(|cid| has_known_hash(cid));
        for cid in other {
            answers(cid, here(&cid));
        }
        if !known.is_empty() {
            self.node.step(|session, step| session.want(&known, answers, step));
        }
    }

    fn cancel(&self, cids: &[Cid]) {
        self.node.step(|session, step| session.cancel(cids, step));
    }
}

fn has_known_hash(cid: &Cid) -> bool {
    cid.hash().code() != IDENTITY && bacalhau_cas::can_check(cid).is_ok()
}

/// The answer that needs no peer: the data within a CID, or that blocks of its hash function cannot be checked.
fn here(cid: &Cid) -> Result<bytes::Bytes, DataError> {
    let bytes = bacalhau_cas::identity_bytes(cid).unwrap_or_default();
    bacalhau_cas::check(cid, &bytes).map(|()| bytes)
}

/// For the fuzz target: a message that can be read is written, and read again as it is.
///
/// # Panics
/// When it is read as something else.
#[cfg(fuzzing)]
pub fn read_and_write(bytes: bytes::Bytes) {
    let Ok(message) = message::Message::decode(bytes) else { return };
    let written: bytes::Bytes = message.encode().concat().into();
    let Ok((_, body)) = unsigned_varint::decode::u64(&written) else { panic!("no length") };
    assert_eq!(message::Message::decode(written.slice_ref(body)), Ok(message));
}

#[cfg(test)]
mod tests;
