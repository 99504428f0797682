//! Observers of a simulation.

use std::fmt;

use bacalhau_daemon::{Changes, Core};

/// Sees what nodes put on disk while a simulation runs, and changes nothing.
pub trait Observer: fmt::Debug {
    /// Node `node` has put `changes` of `core` on disk. The time is virtual, in milliseconds since the beginning.
    fn wrote(&mut self, node: usize, now_ms: u64, core: &Core, changes: &Changes);
}

/// Sees nothing.
#[derive(Debug)]
pub(super) struct NoObserver;

impl Observer for NoObserver {
    fn wrote(&mut self, _node: usize, _now_ms: u64, _core: &Core, _changes: &Changes) {}
}
