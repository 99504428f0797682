//! Connected peers, with their addresses, versions and subscriptions.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use libp2p::{Multiaddr, PeerId};

use super::prefix::operator_prefix;

/// A peer that is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Peer ID.
    pub peer: PeerId,
    /// Its announced addresses, or the connection's address before that.
    pub addrs: Vec<Multiaddr>,
    /// Its announced software version. Empty before that.
    pub agent: String,
    /// Whether it subscribes to announcements of jobs.
    pub listens: bool,
}

/// The table of connected peers.
#[derive(Debug, Default)]
pub struct PeerTable {
    peers: Mutex<HashMap<PeerId, Entry>>,
    /// Some peer began to listen.
    listening: Condvar,
}

#[derive(Debug, Default)]
struct Entry {
    connected: bool,
    remote: Option<Multiaddr>,
    /// The prefix of the first of its addresses that was seen since it is connected.
    prefix: Option<String>,
    addrs: Vec<Multiaddr>,
    agent: String,
    listens: bool,
}

impl PeerTable {
    pub(super) fn connected(&self, peer: PeerId, remote: &Multiaddr) {
        let mut peers = self.peers();
        let entry = peers.entry(peer).or_default();
        entry.connected = true;
        entry.remote = Some(remote.clone());
        entry.prefix = entry.prefix.take().or_else(|| operator_prefix(remote));
    }

    pub(super) fn gone(&self, peer: &PeerId) {
        self.peers().remove(peer);
    }

    pub(super) fn identified(&self, peer: PeerId, addrs: Vec<Multiaddr>, agent: String) {
        if let Some(entry) = self.peers().get_mut(&peer) {
            (entry.addrs, entry.agent) = (addrs, agent);
        }
    }

    pub(super) fn listens(&self, peer: PeerId, listens: bool) {
        self.peers().entry(peer).or_default().listens = listens;
        self.listening.notify_all();
    }

    /// Where `peer` is connected from.
    pub(super) fn remote(&self, peer: &PeerId) -> Option<Multiaddr> {
        self.peers().get(peer)?.remote.clone()
    }

    /// The prefix of the address that `peer` is connected from, where one is seen.
    pub fn prefix(&self, peer: &PeerId) -> Option<String> {
        self.peers().get(peer)?.prefix.clone()
    }

    /// Connected peers, by peer id.
    pub fn list(&self) -> Vec<PeerInfo> {
        let peers = self.peers();
        let mut list: Vec<PeerInfo> =
            peers.iter().filter(|(_, entry)| entry.connected).map(|(peer, entry)| entry.info(*peer)).collect();
        list.sort_unstable_by_key(|info| info.peer);
        list
    }

    /// The number of connected peers.
    pub fn count(&self) -> usize {
        self.peers().values().filter(|entry| entry.connected).count()
    }

    /// Waits until `count` peers subscribe, and returns whether they do.
    pub fn wait(&self, count: usize, timeout: Duration) -> bool {
        let few = |peers: &mut HashMap<_, Entry>| peers.values().filter(|entry| entry.listens).count() < count;
        let waited = self.listening.wait_timeout_while(self.peers(), timeout, few);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<PeerId, Entry>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn info(&self, peer: PeerId) -> PeerInfo {
        let mut addrs = self.addrs.clone();
        if addrs.is_empty() {
            addrs.extend(self.remote.clone());
        }
        PeerInfo { peer, addrs, agent: self.agent.clone(), listens: self.listens }
    }
}
