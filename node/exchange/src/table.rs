//! Blocks on their way and blocks that have come and are not in the store yet, found by their hash.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::flight::Flight;
use super::lock;
use bacalhau_cas::Cid;

/// Blocks that have come and could not be kept, or not yet. Beyond that the oldest are forgotten.
const MOST_LANDED_BYTES: usize = 64 << 20;

/// The table; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(Arc<Mutex<Rows>>);

#[derive(Debug, Default)]
struct Rows {
    /// By multihash: versions and codecs of a CID share the bytes.
    flights: HashMap<Vec<u8>, Arc<Flight>>,
    landed: HashMap<Vec<u8>, Bytes>,
    landed_bytes: usize,
    /// Of `landed`, the oldest first; what is gone from there is skipped.
    order: VecDeque<Vec<u8>>,
    fetched_bytes: u64,
}

impl Table {
    /// The bytes of a block that has come.
    pub(super) fn landed(&self, cid: &Cid) -> Option<Bytes> {
        lock(&self.0).landed.get(&key(cid)).cloned()
    }

    /// The flight of a block, and whether it begins now.
    pub(super) fn join(&self, cid: &Cid) -> (Arc<Flight>, bool) {
        let mut rows = lock(&self.0);
        let key = key(cid);
        if let Some(flight) = rows.flights.get(&key) {
            return (Arc::clone(flight), false);
        }
        let flight = Arc::new(Flight::new(cid));
        if let Some(bytes) = rows.landed.get(&key) {
            flight.land(Ok(bytes.clone()));
            return (flight, false);
        }
        rows.flights.insert(key, Arc::clone(&flight));
        (flight, true)
    }

    /// Begins a flight that nobody waits for. `None` when there are `most` already; `Some(None)` when it is on its way.
    #[expect(clippy::option_option, reason = "full and not needed are two answers")]
    pub(super) fn begin(&self, cid: &Cid, most: usize) -> Option<Option<Arc<Flight>>> {
        if lock(&self.0).flights.len() >= most {
            return None;
        }
        let (flight, new) = self.join(cid);
        Some(new.then_some(flight))
    }

    /// The flight of a block, if it is on its way.
    pub(super) fn flight(&self, cid: &Cid) -> Option<Arc<Flight>> {
        lock(&self.0).flights.get(&key(cid)).cloned()
    }

    /// A block has come. `None` when it is not on its way.
    pub(super) fn land(&self, cid: &Cid, bytes: &Bytes) -> Option<Arc<Flight>> {
        let mut rows = lock(&self.0);
        let key = key(cid);
        let flight = rows.flights.remove(&key)?;
        rows.fetched_bytes += bytes.len() as u64;
        rows.landed_bytes += bytes.len();
        rows.landed.insert(key.clone(), bytes.clone());
        rows.order.push_back(key);
        while rows.landed_bytes > MOST_LANDED_BYTES {
            let Some(oldest) = rows.order.pop_front() else { break };
            rows.forget(&oldest);
        }
        Some(flight)
    }

    /// A block will not come.
    pub(super) fn give_up(&self, cid: &Cid) {
        lock(&self.0).flights.remove(&key(cid));
    }

    /// This flight will not end by itself. False when it is not on its way any more.
    pub(super) fn give_up_on(&self, flight: &Arc<Flight>) -> bool {
        let mut rows = lock(&self.0);
        let key = key(flight.cid());
        let same = rows.flights.get(&key).is_some_and(|other| Arc::ptr_eq(other, flight));
        same && rows.flights.remove(&key).is_some()
    }

    /// A block is in the store.
    pub(super) fn kept(&self, cid: &Cid) {
        let mut rows = lock(&self.0);
        rows.forget(&key(cid));
        while rows.order.front().is_some_and(|oldest| !rows.landed.contains_key(oldest)) {
            rows.order.pop_front();
        }
    }

    /// Counts bytes of a block that came without a flight, and says how many came by now.
    pub(super) fn count(&self, bytes: usize) -> u64 {
        let mut rows = lock(&self.0);
        rows.fetched_bytes += bytes as u64;
        rows.fetched_bytes
    }

    /// Bytes of all blocks that came.
    pub(super) fn fetched_bytes(&self) -> u64 {
        lock(&self.0).fetched_bytes
    }
}

impl Rows {
    fn forget(&mut self, key: &[u8]) {
        if let Some(bytes) = self.landed.remove(key) {
            self.landed_bytes -= bytes.len();
        }
    }
}

fn key(cid: &Cid) -> Vec<u8> {
    cid.hash().to_bytes()
}
