//! What the swarm's task and the rest of the process share in the network of jobs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bacalhau_values::budget::{Bucket, Rate};
use libp2p::gossipsub::MessageId;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::mpsc;

use crate::JobsConfig;
use crate::budgets::PeerBudgets;
use crate::counters::Counting;
use crate::roster::Roster;

/// Announcements that wait to be looked at.
const WAITING: usize = 1024;

/// Bytes of announcements that are taken, of all peers together.
const OF_ALL: Rate = Rate { per_second: 16 << 20, burst: 64 << 20 };

/// What the task and the rest of the process share.
#[derive(Debug)]
pub struct JobsShared {
    pub(crate) budgets: Arc<PeerBudgets>,
    pub(crate) roster: Roster,
    pub(crate) counting: Counting,
    /// Addresses at which others reach this node.
    pub(crate) addrs: Mutex<Vec<Multiaddr>>,
    pub(super) announced: mpsc::Sender<Announced>,
    /// The budget of announcements of all peers.
    pub(super) of_all: Bucket,
    /// Taken once, by the network.
    pub(crate) announcements: Mutex<Option<mpsc::Receiver<Announced>>>,
}

/// An announcement as it came. Gossip has checked its author's signature.
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
            roster: Roster::default(),
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

    /// Connected peers.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Addresses at which others reach this node.
    pub fn addrs(&self) -> Vec<Multiaddr> {
        self.addrs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
