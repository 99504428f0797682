//! Counters of dispatched executions.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters, by event.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Jobs submitted to the cluster.
    pub(super) submitted: Count,
    /// Jobs found again after a restart of this node.
    pub(super) resumed: Count,
    /// Executions whose worker has left a report.
    pub(super) reported: Count,
    /// Executions whose job ended or vanished without a report.
    pub(super) lost: Count,
    /// Executions that were cancelled or took too long.
    pub(super) cancelled: Count,
    /// Jobs that no execution needed, and that were ended.
    pub(super) orphans: Count,
    /// Requests to the cluster without an answer.
    pub(super) unanswered: Count,
}

/// A counter.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Counts {
    /// All of them by name.
    pub(super) fn list(&self) -> Vec<(String, u64)> {
        [
            ("submitted", &self.submitted),
            ("resumed", &self.resumed),
            ("reported", &self.reported),
            ("lost", &self.lost),
            ("cancelled", &self.cancelled),
            ("orphan", &self.orphans),
            ("unanswered", &self.unanswered),
        ]
        .map(|(name, count)| (name.to_owned(), count.0.load(Ordering::Relaxed)))
        .into()
    }
}
