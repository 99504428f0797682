//! Bitswap 1.2.0: blocks from peers and for peers, over the streams of a libp2p node. It requests from several peers at
//! once and verifies every block by its hash.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bacalhau_bitswap::{Bitswap, Config};
//! use bacalhau_cas::memory::MemoryBlockstore;
//! use bacalhau_p2p::{Host, HostConfig};
//!
//! // A node that serves the blocks of a store to all peers that connect to it.
//! let host = Host::start(&HostConfig::default())?;
//! let blocks = Arc::new(MemoryBlockstore::default());
//! let bitswap = Bitswap::start(&host, Some(blocks), Config::default());
//! assert!(bitswap.stats().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! As a [`BlockProvider`] it fetches blocks for an [`Exchange`](bacalhau_exchange::Exchange).
//!
//! Modules: `session` decides which peer is asked for which block, without network access; `request_queue` is the request queue of
//! a peer; `inbox` and `outbox` transfer messages; `budget` limits a peer; `node` connects them.

mod budget;
mod cid_prefix;
mod config;
mod frame;
mod inbox;
mod last_activity;
mod message;
mod node;
mod outbox;
mod record;
mod request_queue;
mod room;
mod session;

use std::sync::Arc;

use libp2p::{Multiaddr, PeerId, StreamProtocol};

use bacalhau_cas::{Cid, DataError, IDENTITY, LocalBlockstore};
use bacalhau_exchange::{Answers, BlockProvider, Dialing, PeerNetwork};
use bacalhau_p2p::{Dial, Host};
pub use config::{Budget, Config};
use node::Node;
pub use record::PeerStats;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/ipfs/bitswap/1.2.0");

/// Maximum accepted streams waiting to be read. kubo opens one for each block and does not repeat blocks of a reset
/// stream.
const ACCEPTED: usize = 4096;

/// Bitswap on a [`Host`]: a [`BlockProvider`] of the blocks of its peers, and a server of local blocks. Ends with the host.
#[derive(Debug)]
pub struct Bitswap {
    node: Arc<Node>,
}

impl Bitswap {
    /// Starts Bitswap on `host`, serving the blockstore `serve`. Without one it serves no blocks.
    pub fn start(host: &Host, serve: Option<Arc<dyn LocalBlockstore>>, config: Config) -> Arc<Self> {
        let handle = host.handle();
        let node = Node::new(handle.clone(), serve.unwrap_or_else(|| Arc::new(request_queue::Nothing)), config);
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

    /// Starts connecting to a peer. Wanted blocks wait for it.
    pub fn connect(&self, addr: &Multiaddr) -> Dial {
        self.node.host.dial(addr)
    }

    /// This node's peers for providers that routers name: they are dialed by their addresses, and asked through this.
    pub fn network(self: &Arc<Self>) -> PeerNetwork {
        let host = self.node.host.clone();
        let dial = move |addr: &Multiaddr| -> Dialing {
            let dial = host.dial(addr);
            Box::new(move || Ok(dial.wait().map(drop)?))
        };
        PeerNetwork { blocks: Arc::clone(self) as Arc<dyn BlockProvider>, dial: Arc::new(dial) }
    }

    /// Statistics by peer.
    pub fn stats(&self) -> Vec<(PeerId, PeerStats)> {
        self.node.records.stats()
    }
}

impl BlockProvider for Bitswap {
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

    fn has_somebody(&self) -> bool {
        self.node.has_peers() || self.node.host.dialing()
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
