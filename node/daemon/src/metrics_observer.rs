//! Counts decisions and messages of a node for the metrics.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_job::{Event, EventKind, JobId, JobRecord, JobState};
use bacalhau_metrics::{BidFate, Metrics};
use bacalhau_protocol::Message;

/// Updates metrics from events and messages.
#[derive(Debug)]
pub(super) struct MetricsObserver {
    metrics: Arc<Metrics>,
    unfinished: BTreeMap<JobId, JobState>,
    /// Since the process began.
    ended: BTreeMap<JobState, u64>,
}

impl MetricsObserver {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, unfinished: BTreeMap::new(), ended: BTreeMap::new() }
    }

    /// Records are on disk as they are here.
    pub(super) fn records<'a>(&mut self, records: impl Iterator<Item = &'a JobRecord>) {
        let mut changed = false;
        for record in records {
            changed |= self.unfinished.insert(record.job.id, record.state) != Some(record.state);
            if record.state.is_final() {
                self.unfinished.remove(&record.job.id);
                *self.ended.entry(record.state).or_default() += 1;
                for execution in record.shards.iter().flat_map(|shard| &shard.executions) {
                    self.metrics.execution(execution.state);
                }
            }
        }
        if changed {
            let mut counts = self.ended.clone();
            for state in self.unfinished.values() {
                *counts.entry(*state).or_default() += 1;
            }
            self.metrics.set_jobs(counts);
        }
    }

    /// An event is on disk, with the record of its job.
    pub(super) fn event(&self, event: &Event, record: Option<&JobRecord>) {
        if event.kind == EventKind::Accepted && event.execution == Some(1) {
            let waited_ms = record.map(|record| event.at_ms.saturating_sub(record.job.created_ms));
            self.metrics.waited(Duration::from_millis(waited_ms.unwrap_or(0)));
        }
        if event.kind == EventKind::Verdict {
            let shard = event.shard.and_then(|shard| usize::try_from(shard).ok());
            let shard = shard.and_then(|shard| record?.shards.get(shard));
            if let Some(verdict) = shard.and_then(|shard| shard.verdict.as_ref()) {
                self.metrics.verdict(verdict.rule);
            }
        }
    }

    /// So many jobs have not found all of their providers.
    pub(super) fn queued(&self, jobs: usize) {
        self.metrics.set_queued(jobs);
    }

    /// The metrics.
    pub(super) fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// Counts a sent message.
    pub(super) fn sent(&self, message: &Message) {
        match message {
            Message::Bid(_) => self.metrics.bid(BidFate::Sent),
            Message::Withdraw(_) => self.metrics.bid(BidFate::Withdrawn),
            _ => {}
        }
    }

    /// Counts a received message.
    pub(super) fn heard(&self, message: &Message) {
        match message {
            Message::Accept(_) => self.metrics.bid(BidFate::Accepted),
            Message::Reject(_) => self.metrics.bid(BidFate::Rejected),
            _ => {}
        }
    }
}
