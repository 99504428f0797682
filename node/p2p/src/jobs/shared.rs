//! State shared by the swarm's task and other threads in the network of jobs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bacalhau_values::budget::{Bucket, Rate};
use libp2p::gossipsub::MessageId;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::mpsc;

use crate::JobsConfig;
use crate::budgets::PeerBudgets;
use crate::counters::Counting;
use crate::peer_table::PeerTable;

/// Announcements that wait to be looked at.
const WAITING: usize = 1024;

/// Bytes of announcements that are taken, of all peers together.
const OF_ALL: Rate = Rate { per_second: 16 << 20, burst: 64 << 20 };

/// The shared state.
#[derive(Debug)]
pub struct JobsShared {
    pub(crate) budgets: Arc<PeerBudgets>,
    pub(crate) peer_table: PeerTable,
    pub(crate) counting: Counting,
    /// Addresses at which others reach this node.
    pub(crate) addrs: Mutex<Vec<Multiaddr>>,
    pub(super) announced: mpsc::Sender<Announced>,
    /// The budget of announcements of all peers.
    pub(super) of_all: Bucket,
    /// Taken once, by the network.
    pub(crate) announcements: Mutex<Option<mpsc::Receiver<Announced>>>,
}

/// A received announcement. Gossip has verified its author's signature.
#[derive(Debug)]
pub struct Announced {
    pub(crate) id: MessageId,
    /// The peer that handed it on.
    pub from: PeerId,
    /// The peer that signed it.
    pub author: PeerId,
    /// The bytes, not decoded.
    pub data: Vec<u8>,
}

impl JobsShared {
    pub(crate) fn new(config: &JobsConfig) -> Self {
        let (announced, announcements) = mpsc::channel(WAITING);
        Self {
            budgets: Arc::new(PeerBudgets::new(config.budgets.clone())),
            peer_table: PeerTable::default(),
            counting: Counting::default(),
            addrs: Mutex::default(),
            announced,
            of_all: Bucket::new(OF_ALL, Instant::now()),
            announcements: Mutex::new(Some(announcements)),
        }
    }

    /// Announcements that wait to be judged. `None` after the first call.
    pub fn take_announcements(&self) -> Option<mpsc::Receiver<Announced>> {
        self.announcements.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The budgets of all peers.
    pub fn budgets(&self) -> &PeerBudgets {
        &self.budgets
    }

    /// The counters of messages and bytes.
    pub fn counting(&self) -> &Counting {
        &self.counting
    }

    /// The connected peers.
    pub fn peer_table(&self) -> &PeerTable {
        &self.peer_table
    }

    /// Addresses at which others reach this node.
    pub fn addrs(&self) -> Vec<Multiaddr> {
        self.addrs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
