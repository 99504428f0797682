//! A cache of recent reads by CID, with a weight limit. Entries never become stale, because CIDs are immutable.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::Cid;

/// Keeps the most recently used values. The newest is kept even if it exceeds the limit alone.
#[derive(Debug)]
pub(super) struct Cache<V> {
    held: HashMap<Cid, Held<V>>,
    by_use: BTreeMap<u64, Cid>,
    clock: u64,
    weight: usize,
    most: usize,
}

#[derive(Debug)]
struct Held<V> {
    value: Arc<V>,
    weight: usize,
    used: u64,
}

impl<V> Cache<V> {
    /// One that holds values of `most` weight together.
    pub(super) fn new(most: usize) -> Self {
        Self { held: HashMap::new(), by_use: BTreeMap::new(), clock: 0, weight: 0, most }
    }

    /// The value of `cid`, which was used now.
    pub(super) fn get(&mut self, cid: &Cid) -> Option<Arc<V>> {
        let held = self.held.get_mut(cid)?;
        self.clock += 1;
        self.by_use.remove(&held.used);
        self.by_use.insert(self.clock, *cid);
        held.used = self.clock;
        Some(Arc::clone(&held.value))
    }

    /// Whether there is a value, without using it.
    pub(super) fn has(&self, cid: &Cid) -> bool {
        self.held.contains_key(cid)
    }

    /// Keeps a value, and forgets others for it.
    pub(super) fn put(&mut self, cid: Cid, value: Arc<V>, weight: usize) {
        self.forget(&cid);
        self.clock += 1;
        self.weight += weight;
        self.by_use.insert(self.clock, cid);
        self.held.insert(cid, Held { value, weight, used: self.clock });
        while self.weight > self.most && self.held.len() > 1 {
            let Some((_, oldest)) = self.by_use.first_key_value() else { break };
            let oldest = *oldest;
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, cid: &Cid) {
        if let Some(held) = self.held.remove(cid) {
            self.by_use.remove(&held.used);
            self.weight -= held.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, Code};

    #[test]
    fn the_least_used_goes_first_and_the_newest_stays() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|text| *Block::of(Code::Raw, text).cid());
        let mut cache = Cache::new(10);
        cache.put(a, Arc::new('a'), 4);
        cache.put(b, Arc::new('b'), 4);
        assert_eq!(cache.get(&a).as_deref(), Some(&'a'));
        cache.put(c, Arc::new('c'), 4);
        assert_eq!([a, b, c].map(|cid| cache.has(&cid)), [true, false, true]);
        cache.put(c, Arc::new('C'), 5);
        assert_eq!((cache.weight, cache.held.len(), cache.by_use.len()), (9, 2, 2));
        cache.put(d, Arc::new('d'), 100);
        assert_eq!([a, b, c, d].map(|cid| cache.has(&cid)), [false, false, false, true]);
    }
}
