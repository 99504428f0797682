//! From the verdict to the end: winners publish when they are asked to, losers never; results are kept until the
//! requester has them, or for so long.

use std::sync::Arc;

use bacalhau_runtime::Publication;

use super::super::Effect;
use super::super::record::{Proposed, Stage, Step};
use super::Compute;
use crate::job::ExecutionId;
use crate::protocol::{Delivery, Message, Published, VerdictNotice};

impl Compute {
    /// What was decided. It may be said several times, with `publish` later than with `won`.
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
        match &proposed.step {
            Step::Sealed | Step::Won if publish => proposed.step = Step::Publishing,
            Step::Sealed if verdict.won => proposed.step = Step::Won,
            Step::Published(published) if publish => messages.push(Message::Published(published.clone())),
            _ => {}
        }
        for message in messages {
            self.tell(message);
        }
        if !verdict.won {
            return self.let_go(execution);
        }
        self.touch(execution);
        if begins {
            self.publish(execution);
        }
    }

    /// A verdict over an execution that has not proposed: it fell without it.
    fn judged_early(&mut self, verdict: &VerdictNotice) {
        let ExecutionId { job, shard, number } = verdict.execution;
        if matches!(self.stage(job, shard), Some(Stage::Running(running)) if *running == number) && !verdict.won {
            self.abandon(job, shard);
            self.forget_if_over(job);
        }
    }

    /// Has the results published.
    pub(super) fn publish(&mut self, execution: ExecutionId) {
        let Some(entry) = self.jobs.get(&execution.job) else { return };
        let job = Arc::clone(&entry.record.job);
        let Some(proposed) = self.proposed(execution) else { return };
        let h1 = proposed.h1.clone();
        self.effects.push(Effect::Publish { execution, job, h1 });
    }

    pub(super) fn published(&mut self, execution: ExecutionId, result: Result<(Delivery, Vec<Publication>), String>) {
        // Publishing what is not wanted any more is undone by the `Discard` that was asked for then.
        let Some(proposed) = self.proposed(execution).filter(|proposed| proposed.step == Step::Publishing) else {
            return;
        };
        let (delivery, publications) = match result {
            Ok((delivery, publications)) => (Ok(delivery), publications),
            Err(why) => (Err(why), Vec::new()),
        };
        let message = Published { execution, delivery, publications };
        proposed.step = Step::Published(message.clone());
        self.touch(execution);
        self.tell(Message::Published(message));
    }

    /// The results are not needed any more.
    pub(super) fn let_go(&mut self, execution: ExecutionId) {
        let ExecutionId { job, shard, number } = execution;
        let is_it = match self.stage(job, shard) {
            Some(Stage::Running(running)) => *running == number,
            Some(Stage::Proposed(proposed)) => proposed.number == number,
            _ => false,
        };
        if is_it {
            self.effects.push(Effect::Discard(execution));
            self.put(job, shard, Stage::Over);
            self.forget_if_over(job);
        }
    }

    /// What came of the run of `execution`, if it came to something.
    fn proposed(&mut self, execution: ExecutionId) -> Option<&mut Proposed> {
        let shard = self.jobs.get_mut(&execution.job)?.record.shard_mut(execution.shard)?;
        match &mut shard.stage {
            Stage::Proposed(proposed) if proposed.number == execution.number => Some(proposed),
            _ => None,
        }
    }

    /// Notes that something of an execution changed: it is kept for as long again.
    fn touch(&mut self, execution: ExecutionId) {
        self.changed.insert(execution.job);
        let due = self.now_ms.saturating_add(self.config.keep_ms);
        self.timers.set((execution.job, Some(execution.shard)), Some(due));
    }
}
