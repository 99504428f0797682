//! Blocks on their way and blocks that have come and are not in the store yet, found by their hash.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::inflight::InFlight;
use super::lock;
use bacalhau_cas::Cid;

/// Blocks that have come and could not be kept, or not yet. Beyond that the oldest are forgotten.
const MOST_LANDED_BYTES: usize = 64 << 20;

/// The table of in-flight fetches; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlightTable(Arc<Mutex<Rows>>);

#[derive(Debug, Default)]
struct Rows {
    /// By multihash: versions and codecs of a CID share the bytes.
    flights: HashMap<Vec<u8>, Arc<InFlight>>,
    landed: HashMap<Vec<u8>, Bytes>,
    landed_bytes: usize,
    /// Order of `landed`, oldest first; removed entries are skipped.
    order: VecDeque<Vec<u8>>,
    fetched_bytes: u64,
}

impl InFlightTable {
    /// The bytes of a block that has come.
    pub(super) fn landed(&self, cid: &Cid) -> Option<Bytes> {
        lock(&self.0).landed.get(&key(cid)).cloned()
    }

    /// The fetch of a block, and whether it is new.
    pub(super) fn join(&self, cid: &Cid) -> (Arc<InFlight>, bool) {
        let mut rows = lock(&self.0);
        let key = key(cid);
        if let Some(flight) = rows.flights.get(&key) {
            return (Arc::clone(flight), false);
        }
        let flight = Arc::new(InFlight::new(cid));
        if let Some(bytes) = rows.landed.get(&key) {
            flight.land(Ok(bytes.clone()));
            return (flight, false);
        }
        rows.flights.insert(key, Arc::clone(&flight));
        (flight, true)
    }

    /// Starts a fetch without a caller. `None` at the limit `most`; `Some(None)` if it is in flight already.
    #[expect(clippy::option_option, reason = "full and not needed are two answers")]
    pub(super) fn begin(&self, cid: &Cid, most: usize) -> Option<Option<Arc<InFlight>>> {
        if lock(&self.0).flights.len() >= most {
            return None;
        }
        let (flight, new) = self.join(cid);
        Some(new.then_some(flight))
    }

    /// The in-flight fetch of a block, if any.
    pub(super) fn flight(&self, cid: &Cid) -> Option<Arc<InFlight>> {
        lock(&self.0).flights.get(&key(cid)).cloned()
    }

    /// A block has come. `None` when it is not on its way.
    pub(super) fn land(&self, cid: &Cid, bytes: &Bytes) -> Option<Arc<InFlight>> {
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

    /// Removes a fetch that will not complete. Returns false if it has completed.
    pub(super) fn give_up_on(&self, flight: &Arc<InFlight>) -> bool {
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

    /// Counts bytes of a block without a fetch, and returns the total.
    pub(super) fn count(&self, bytes: usize) -> u64 {
        let mut rows = lock(&self.0);
        rows.fetched_bytes += bytes as u64;
        rows.fetched_bytes
    }

    /// Total bytes of fetched blocks.
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
