//! What was wanted before and no longer is, as far as it is remembered: a block of it that comes is late, and not
//! unasked.

use std::collections::{HashSet, VecDeque};

use super::Key;

/// More than all windows together hold.
const REMEMBERED: usize = 16_384;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Past {
    order: VecDeque<Key>,
    keys: HashSet<Key>,
}

impl Past {
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
