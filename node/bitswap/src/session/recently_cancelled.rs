//! Recently cancelled wants, up to a limit: their blocks count as late, not as unrequested.

use std::collections::{HashSet, VecDeque};

use super::Key;

/// More than all windows together hold.
const REMEMBERED: usize = 16_384;

/// The recently cancelled wants.
#[derive(Debug, Default)]
pub(super) struct RecentlyCancelled {
    order: VecDeque<Key>,
    keys: HashSet<Key>,
}

impl RecentlyCancelled {
    pub(super) fn add(&mut self, key: Key) {
        if self.keys.insert(key) {
            self.order.push_back(key);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }

    pub(super) fn holds(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }
}
