//! From the verdict to an available result: one winner at a time publishes, its publication is fetched and hashed, and
//! an invalid one is recorded and replaced by the next winner's.

use crate::Task;
use bacalhau_receipt::Publication;

use super::Effect;
use super::shard::{Shard, bounded};
use super::verdict::reasons;
use bacalhau_job::{Delivery, EventKind, ExecutionState, ShardState};
use bacalhau_protocol::{Collected, Message};

/// Bytes of an execution's publications that are kept: places of one results directory.
const MAX_PUBLICATIONS_BYTES: usize = 64 << 10;

impl Shard<'_> {
    /// The winner that is to publish: the first in the order of the draw that has not failed to.
    pub(super) fn asked(&self) -> Option<u16> {
        let asked = || self.record.executions.iter().find(|execution| execution.state == ExecutionState::Won);
        if self.record.published.is_some() || self.record.state != ShardState::Publishing {
            return None;
        }
        asked().map(|execution| execution.number)
    }

    /// An execution reports its published results.
    pub(super) fn published(&mut self, number: u16, delivery: Result<Delivery, String>, places: Vec<Publication>) {
        let Some(execution) = self.execution(number) else { return };
        if self.asked() != Some(number) || execution.memo.delivery.is_some() {
            return;
        }
        match delivery {
            Ok(delivery) => {
                let Some(execution) = self.change(number) else { return };
                execution.memo.delivery = Some(delivery);
                if bacalhau_job::to_dag_cbor(&places).len() <= MAX_PUBLICATIONS_BYTES {
                    execution.publications = places;
                }
                self.watch.asked_ms = self.now.ms;
                self.watch.progress_ms = self.now.ms;
                self.watch.stalled = false;
                self.collect(number);
            }
            Err(why) => self.replace_publisher(number, &format!("it could not publish: {why}")),
        }
    }

    /// Has results fetched that were published.
    pub(super) fn collect(&mut self, number: u16) {
        let Some(execution) = self.execution(number) else { return };
        if let (Some(delivery), Some(h1)) = (&execution.memo.delivery, &execution.h1) {
            let (peer, delivery, h1) = (execution.peer, delivery.clone(), h1.clone());
            self.out.all.push(Effect::Task(Task::Collect { execution: self.id(number), peer, delivery, h1 }));
        }
    }

    /// Results have been fetched and hashed.
    pub(super) fn collected(&mut self, number: u16, result: Result<(), String>) {
        let delivered = self.execution(number).is_some_and(|execution| execution.memo.delivery.is_some());
        if self.asked() != Some(number) || !delivered {
            return;
        }
        match result {
            Ok(()) => {
                let Some(execution) = self.change(number) else { return };
                execution.state = ExecutionState::Published;
                self.record.published = Some(number);
                self.watch.closing_ms = Some(self.now.ms);
                self.happened(EventKind::Published, Some(number), "published, fetched and checked".into());
                self.tell_collected(number);
            }
            Err(why) => self.replace_publisher(number, &format!("its publication is invalid: {why}")),
        }
    }

    pub(super) fn tell_collected(&mut self, number: u16) {
        self.send(number, Message::Collected(Collected { execution: self.id(number) }));
    }

    /// Records a winner that did not publish its result, and asks the next one.
    pub(super) fn replace_publisher(&mut self, number: u16, why: &str) {
        let why = bounded(why);
        let Some(execution) = self.change(number) else { return };
        execution.state = ExecutionState::Failed;
        execution.why = Some(why.clone());
        execution.publications.clear();
        self.tell_cancelled(number, &why);
        self.happened(EventKind::Failed, Some(number), why);
        self.watch.asked_ms = self.now.ms;
        match self.asked() {
            Some(next) => self.notify(next, true),
            None => self.watch.closing_ms = Some(self.now.ms),
        }
    }

    /// Replaces a winner that takes too long.
    pub(super) fn expire_publication(&mut self) {
        let limit = self.now.config.publishing_ms;
        if let Some(number) = self.asked().filter(|_| self.now.ms >= self.watch.asked_ms.saturating_add(limit)) {
            self.replace_publisher(number, &format!("it published no fetchable results in {} s", limit / 1000));
        }
    }

    /// Ends the shard when its result is in, or none will come, and so is the evidence, or that will not come.
    pub(super) fn close(&mut self) {
        if self.record.state != ShardState::Publishing || !self.may_close() {
            return;
        }
        if self.record.published.is_some() {
            // The others that won were kept in case this one could not publish.
            for number in self.numbers(|state| state == ExecutionState::Won) {
                self.tell_collected(number);
            }
            return self.end(ShardState::Completed, None);
        }
        let standing = self.record.verdict.as_ref().map(bacalhau_job::Verdict::standing).unwrap_or_default();
        let why = if standing.is_empty() {
            self.no_result()
        } else {
            let failed: Vec<_> = standing.iter().filter_map(|number| self.execution(*number)).collect();
            format!("no winner published its results: {}", reasons(&failed))
        };
        self.end(ShardState::Failed, Some(why));
    }
}
