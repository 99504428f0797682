//! State of a peer across connections: budget, statistics, and block.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use libp2p::PeerId;

use super::budget::PeerBudget;
use super::config::Budget;
use super::last_activity::LastActivity;

/// Peers that are remembered. Names of peers are free, so the memory of them has to have an end.
const REMEMBERED: usize = 1024;

/// The record of a peer.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) budget: PeerBudget,
    pub(super) pulse: Arc<LastActivity>,
    pub(super) tally: Tally,
    banned: Mutex<Option<Instant>>,
}

/// Statistics of a peer since it was first seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerStats {
    /// Received blocks that were requested.
    pub blocks_received: u64,
    /// Bytes of all blocks that it sent.
    pub bytes_received: u64,
    /// Received blocks that were requested and cancelled, usually because they were sent twice.
    pub blocks_late: u64,
    /// Received blocks that were unrequested or corrupt. They are dropped.
    pub blocks_unasked: u64,
    /// Blocks that were sent to it.
    pub blocks_sent: u64,
    /// Bytes of sent blocks.
    pub bytes_sent: u64,
    /// Entries of its wantlists.
    pub wants_received: u64,
    /// Of these, how many were dropped because there were too many.
    pub wants_dropped: u64,
    /// Streams that it broke, or that were closed because of their content.
    pub streams_broken: u64,
}

/// Counters of the statistics.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) blocks_received: AtomicU64,
    pub(super) bytes_received: AtomicU64,
    pub(super) blocks_late: AtomicU64,
    pub(super) blocks_unasked: AtomicU64,
    pub(super) blocks_sent: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    pub(super) wants_received: AtomicU64,
    pub(super) wants_dropped: AtomicU64,
    pub(super) streams_broken: AtomicU64,
}

pub(super) fn count(what: &AtomicU64, more: u64) {
    what.fetch_add(more, Ordering::Relaxed);
}

impl Record {
    fn new(budget: &Budget, now: Instant) -> Self {
        let pulse = Arc::new(LastActivity::new(now));
        Self { budget: PeerBudget::new(budget, now), pulse, tally: Tally::default(), banned: Mutex::new(None) }
    }

    /// Blocks the peer until this time.
    pub(super) fn ban(&self, until: Instant) {
        *self.banned.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    pub(super) fn is_banned(&self, now: Instant) -> bool {
        self.banned.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| now < until)
    }
}

impl Tally {
    fn stats(&self) -> PeerStats {
        let read = |what: &AtomicU64| what.load(Ordering::Relaxed);
        PeerStats {
            blocks_received: read(&self.blocks_received),
            bytes_received: read(&self.bytes_received),
            blocks_late: read(&self.blocks_late),
            blocks_unasked: read(&self.blocks_unasked),
            blocks_sent: read(&self.blocks_sent),
            bytes_sent: read(&self.bytes_sent),
            wants_received: read(&self.wants_received),
            wants_dropped: read(&self.wants_dropped),
            streams_broken: read(&self.streams_broken),
        }
    }
}

/// All that are remembered.
#[derive(Debug)]
pub(super) struct Records {
    budget: Budget,
    records: Mutex<HashMap<PeerId, Arc<Record>>>,
}

impl Records {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget, records: Mutex::default() }
    }

    /// The record of `id`, created if absent. Above the limit, unused records are removed.
    pub(super) fn of(&self, id: PeerId, now: Instant) -> Arc<Record> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= REMEMBERED && !records.contains_key(&id) {
            let unused = |record: &Arc<Record>| Arc::strong_count(record) == 1;
            records.retain(|_, record| !unused(record) || record.is_banned(now));
        }
        records.entry(id).or_insert_with(|| Arc::new(Record::new(&self.budget, now))).clone()
    }

    pub(super) fn stats(&self) -> Vec<(PeerId, PeerStats)> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().map(|(id, record)| (*id, record.tally.stats())).collect()
    }
}
