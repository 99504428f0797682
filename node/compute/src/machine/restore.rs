//! Restores the state after a restart from records. Messages are sent again, because their delivery is unknown.

use super::super::offers::Parties;
use super::super::record::{Record, Stage, Step};
use super::super::{Effect, RecordError};
use super::bidding::DISK_FULL;
use super::{Compute, Entry};
use crate::Task;
use bacalhau_job::{ExecutionState, FailureKind, JobId, Resources};
use bacalhau_protocol::{Failed, Message};

impl Compute {
    /// Restores jobs from records of [`record`](Self::record). Expired bids are dropped; running executions are
    /// repeated unless their results exist; proposals are sent again with the same bytes.
    ///
    /// # Errors
    /// When one is not a record of this version.
    pub fn restore(&mut self, now_ms: u64, records: Vec<Vec<u8>>) -> Result<Vec<Effect>, RecordError> {
        self.now_ms = self.now_ms.max(now_ms);
        let decoded = records.into_iter().map(|bytes| Record::decode(&bytes));
        let mut records: Vec<Record> = decoded.collect::<Result<_, _>>()?;
        records.sort_by_key(|record| record.heard_ms);
        for record in records {
            self.take_up(record);
        }
        if self.disk_full {
            self.withdraw(DISK_FULL);
        }
        self.pass_time();
        self.start_waiting();
        Ok(std::mem::take(&mut self.effects))
    }

    fn take_up(&mut self, mut record: Record) {
        let id = record.job.id();
        // A clock that was set back must not prolong bids.
        record.heard_ms = record.heard_ms.min(self.now_ms);
        let answered_by = self.answered_by_ms(record.heard_ms, &record.job);
        let stages: Vec<Stage> =
            record.shards.iter_mut().map(|shard| std::mem::replace(&mut shard.stage, Stage::Idle)).collect();
        self.heard += 1;
        let parties = Parties::of(&record.job);
        self.held.insert(id, parties, record.job.memory_bytes());
        self.jobs.insert(id, Entry::new(record, parties, self.heard));
        self.timers.set((id, None), Some(answered_by));
        let mut bids = Vec::new();
        for (shard, stage) in (0..).zip(stages) {
            if let Stage::Bid = stage {
                bids.push(shard);
            }
            self.take_up_shard(id, shard, stage);
        }
        bids.retain(|shard| matches!(self.stage(id, *shard), Some(Stage::Bid)));
        if answered_by > self.now_ms && !bids.is_empty() {
            self.offer(id, bids);
        }
        self.changed.insert(id);
        self.forget_if_over(id);
    }

    fn take_up_shard(&mut self, id: JobId, shard: u32, stage: Stage) {
        let Some(entry) = self.jobs.get(&id) else { return };
        let Some(needs) = entry.record.shard(shard).map(|shard| shard.needs) else { return };
        let parties = entry.parties;
        let fits = match stage {
            Stage::Bid | Stage::Running(_) => self.ledger.reserve((id, shard), needs),
            Stage::Proposed(_) => {
                let disk = Resources { cpu_millis: 0, memory_bytes: 0, ..needs };
                self.ledger.reserve((id, shard), disk)
            }
            Stage::Waiting | Stage::Lapsed | Stage::Idle | Stage::Over => true,
        };
        match stage {
            // The limits of this node were lowered.
            Stage::Running(number) if !fits => {
                let execution = id.execution(shard, number);
                let why = "the node was restarted with less capacity".into();
                self.tell(Message::Failed(Failed { execution, kind: FailureKind::Withdrawn, why }));
                self.effects.push(Effect::Task(Task::Discard(execution)));
                self.set_stage(id, shard, Stage::Over);
            }
            Stage::Bid if !fits => {}
            stage => {
                if let Stage::Bid = stage {
                    self.offers.insert((id, shard), parties, needs);
                }
                self.set_stage(id, shard, stage);
                self.go_on(id, shard);
            }
        }
    }

    /// Resumes the work and messages of a shard.
    fn go_on(&mut self, id: JobId, shard: u32) {
        let (number, messages, publishing, state) = match self.stage(id, shard) {
            Some(Stage::Running(number)) => {
                let execution = id.execution(shard, *number);
                self.begin(execution);
                return self.say_running(execution);
            }
            Some(Stage::Proposed(proposed)) => {
                let mut messages = vec![Message::Proposal(proposed.proposal.clone())];
                if proposed.evidence_wanted {
                    messages.push(Message::Evidence(proposed.evidence.clone()));
                }
                if let Step::Published(published) = &proposed.step {
                    messages.push(Message::Published(published.as_ref().clone()));
                }
                let state = match &proposed.step {
                    Step::Sealed => ExecutionState::Proposed,
                    Step::Won | Step::Publishing => ExecutionState::Won,
                    Step::Published(published) if published.delivery.is_err() => ExecutionState::Failed,
                    Step::Published(_) => ExecutionState::Published,
                };
                (proposed.number, messages, proposed.step == Step::Publishing, state)
            }
            _ => return,
        };
        self.reached(id.execution(shard, number), state, None, None);
        for message in messages {
            self.tell(message);
        }
        if publishing {
            self.publish(id.execution(shard, number));
        }
    }
}
