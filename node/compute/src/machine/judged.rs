//! From the verdict to the end: winners publish when asked, losers never; results are kept until the requester has
//! fetched them, or for a limited time.

use crate::Task;
use std::sync::Arc;

use bacalhau_receipt::Publication;
use libp2p_identity::PeerId;

use super::super::Effect;
use super::super::record::{Proposed, Stage, Step};
use super::Compute;
use bacalhau_job::{Delivery, ExecutionId, ExecutionState, JobId};
use bacalhau_protocol::{Message, Published, Refusal, VerdictNotice};

impl Compute {
    /// Handles a verdict. It may be repeated, with `publish` after `won`.
    pub(super) fn judged(&mut self, verdict: &VerdictNotice) {
        let execution = verdict.execution;
        let publish = verdict.won && verdict.publish;
        let Some(proposed) = self.proposed(execution) else { return self.judged_early(verdict) };
        let mut messages = Vec::new();
        if verdict.evidence {
            proposed.evidence_wanted = true;
            messages.push(Message::Evidence(proposed.evidence.clone()));
        }
        let begins = publish && matches!(proposed.step, Step::Sealed | Step::Won);
        let first = proposed.step == Step::Sealed;
        match &proposed.step {
            Step::Sealed | Step::Won if publish => proposed.step = Step::Publishing,
            Step::Sealed if verdict.won => proposed.step = Step::Won,
            Step::Published(published) if publish => messages.push(Message::Published(published.as_ref().clone())),
            _ => {}
        }
        for message in messages {
            self.tell(message);
        }
        if first {
            let state = if verdict.won { ExecutionState::Won } else { ExecutionState::Lost };
            self.reached(execution, state, None, None);
        }
        if !verdict.won {
            return self.release(execution);
        }
        self.touch(execution);
        if begins {
            self.publish(execution);
        }
    }

    /// A verdict for an execution that has not proposed: it was reached without it.
    fn judged_early(&mut self, verdict: &VerdictNotice) {
        let ExecutionId { job, shard, number } = verdict.execution;
        if matches!(self.stage(job, shard), Some(Stage::Running(running)) if *running == number) && !verdict.won {
            self.abandon(job, shard);
            self.forget_if_over(job);
        }
    }

    /// Publishes the results.
    pub(super) fn publish(&mut self, execution: ExecutionId) {
        let Some(entry) = self.jobs.get(&execution.job) else { return };
        let Some(job) = entry.record.job.full().map(Arc::clone) else { return };
        let Some(proposed) = self.proposed(execution) else { return };
        let h1 = proposed.h1.clone();
        self.effects.push(Effect::Task(Task::Publish { execution, job, h1 }));
    }

    pub(super) fn published(&mut self, execution: ExecutionId, result: Result<(Delivery, Vec<Publication>), String>) {
        // A `Discard` that was requested meanwhile undoes the publication.
        let Some(proposed) = self.proposed(execution).filter(|proposed| proposed.step == Step::Publishing) else {
            return;
        };
        let (delivery, publications) = match result {
            Ok((delivery, publications)) => (Ok(delivery), publications),
            Err(why) => (Err(why), Vec::new()),
        };
        let (state, why) = match &delivery {
            Ok(_) => (ExecutionState::Published, None),
            Err(why) => (ExecutionState::Failed, Some(format!("its results could not be published: {why}"))),
        };
        let message = Published { execution, delivery, publications };
        proposed.step = Step::Published(Box::new(message.clone()));
        self.touch(execution);
        self.reached(execution, state, None, why.as_deref());
        self.tell(Message::Published(message));
    }

    /// A message was not delivered or was rejected. If the requester does not know the job or execution any more, its
    /// data is deleted. Otherwise only bids are affected: results are kept for a limited time anyway, and the requester
    /// asks again when it is back.
    pub(super) fn undelivered(&mut self, to: PeerId, message: &Message, refusal: Option<Refusal>) {
        let execution = match message {
            Message::Bid(bid) => return self.bid_undelivered(to, bid),
            Message::Running(running) => running.execution,
            Message::Proposal(proposal) => proposal.execution,
            Message::Evidence(evidence) => evidence.execution,
            Message::Published(published) => published.execution,
            _ => return,
        };
        let ExecutionId { job, shard, number } = execution;
        let is_its_requesters = self.job(&job).is_some_and(|job| job.requester().peer == to);
        if refusal == Some(Refusal::Unknown) && is_its_requesters && self.number(job, shard) == Some(number) {
            self.abandon(job, shard);
            self.forget_if_over(job);
        }
    }

    /// The number of the running or proposed execution.
    fn number(&self, job: JobId, shard: u32) -> Option<u16> {
        match self.stage(job, shard)? {
            Stage::Running(number) => Some(*number),
            Stage::Proposed(proposed) => Some(proposed.number),
            _ => None,
        }
    }

    /// Releases results that are not needed any more.
    pub(super) fn release(&mut self, execution: ExecutionId) {
        let ExecutionId { job, shard, number } = execution;
        if self.number(job, shard) == Some(number) {
            self.effects.push(Effect::Task(Task::Discard(execution)));
            self.set_stage(job, shard, Stage::Over);
            self.forget_if_over(job);
        }
    }

    /// The results of `execution`, if it has proposed.
    fn proposed(&mut self, execution: ExecutionId) -> Option<&mut Proposed> {
        let shard = self.jobs.get_mut(&execution.job)?.record.shard_mut(execution.shard)?;
        match &mut shard.stage {
            Stage::Proposed(proposed) if proposed.number == execution.number => Some(proposed),
            _ => None,
        }
    }

    /// Records activity of an execution and restarts its keep time.
    fn touch(&mut self, execution: ExecutionId) {
        self.changed.insert(execution.job);
        let due = self.now_ms.saturating_add(self.config.keep_ms);
        self.timers.set((execution.job, Some(execution.shard)), Some(due));
    }
}
