//! A few handles of the host kept open, the latest used first, so that the guest's open files cost no more of the
//! host's than a fixed number.

use std::collections::VecDeque;

use super::node::NodeId;

/// Handles kept at most: small against any `ulimit -n`, enough for a program that merges files.
const MOST: usize = 32;

#[derive(Debug)]
pub(super) struct Handles<H>(VecDeque<(NodeId, H)>);

impl<H> Default for Handles<H> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<H> Handles<H> {
    /// The handle of `id`, opened with `open` when it is not at hand.
    pub(super) fn get<E>(&mut self, id: NodeId, open: impl FnOnce() -> Result<H, E>) -> Result<&H, E> {
        match self.0.iter().position(|(known, _)| *known == id) {
            Some(0) => {}
            Some(index) => self.0.swap(0, index),
            None => {
                let handle = open()?;
                self.0.truncate(MOST - 1);
                self.0.push_front((id, handle));
            }
        }
        Ok(&self.0[0].1)
    }

    pub(super) fn forget(&mut self, id: NodeId) {
        self.0.retain(|(known, _)| *known != id);
    }
}
