//! What the swarm's task and the rest of the process share in the network of jobs.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use libp2p::gossipsub::MessageId;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::mpsc;

use crate::budget::{Bucket, Rate};
use crate::transport::JobsConfig;
use crate::transport::budgets::PeerBudgets;
use crate::transport::counters::Counting;
use crate::transport::roster::Roster;

/// Announcements that wait to be looked at.
const WAITING: usize = 1024;

/// Bytes of announcements that are taken, of all peers together.
const OF_ALL: Rate = Rate { per_second: 16 << 20, burst: 64 << 20 };

/// What the task and the rest of the process share.
#[derive(Debug)]
pub(in crate::transport) struct JobsShared {
    pub(in crate::transport) budgets: Arc<PeerBudgets>,
    pub(in crate::transport) roster: Roster,
    pub(in crate::transport) counting: Counting,
    /// Addresses at which others reach this node.
    pub(in crate::transport) addrs: Mutex<Vec<Multiaddr>>,
    pub(super) announced: mpsc::Sender<Announced>,
    /// The budget of announcements of all peers.
    pub(super) of_all: Bucket,
    /// Taken once, by the network.
    pub(in crate::transport) announcements: Mutex<Option<mpsc::Receiver<Announced>>>,
}

/// An announcement as it came. Gossip has checked its author's signature.
#[derive(Debug)]
pub(in crate::transport) struct Announced {
    pub(in crate::transport) id: MessageId,
    /// Who handed it on.
    pub(in crate::transport) from: PeerId,
    pub(in crate::transport) author: PeerId,
    pub(in crate::transport) data: Vec<u8>,
}

impl JobsShared {
    pub(in crate::transport) fn new(config: &JobsConfig) -> Self {
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
}
