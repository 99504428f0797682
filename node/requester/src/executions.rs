//! Executions between acceptance and proposal: signs of life, failures, silence. A failure is the provider's word, and
//! never a vote; another bidder takes its place as long as there is one.

use super::shard::{Shard, bounded};
use bacalhau_job::{EventKind, ExecutionState, FailureKind};

impl Shard<'_> {
    /// It runs, or still does.
    pub(super) fn running(&mut self, number: u16) {
        let Some(state) = self.execution(number).map(|execution| execution.state) else { return };
        if !state.is_pending() {
            return;
        }
        if let Some(heard) = self.watch.heard.get_mut(usize::from(number) - 1) {
            heard.last_ms = self.now.ms;
        }
        if state == ExecutionState::Accepted
            && let Some(execution) = self.change(number)
        {
            execution.state = ExecutionState::Running;
            let text = format!("running {}", self.count(|state| state == ExecutionState::Running));
            self.happened(EventKind::Running, Some(number), text);
        }
    }

    /// No result will come of it.
    pub(super) fn fail(&mut self, number: u16, kind: Option<FailureKind>, why: &str) {
        let now_ms = self.now.ms;
        if !self.execution(number).is_some_and(|execution| execution.state.is_pending()) {
            return;
        }
        let Some(execution) = self.change(number) else { return };
        let why = bounded(why);
        execution.state = ExecutionState::Failed;
        execution.ended_ms = Some(now_ms);
        execution.memo.failure = kind;
        execution.why = Some(why.clone());
        self.happened(EventKind::Failed, Some(number), why);
        // Providers report quickly that they cannot run, while other bids are still open.
        if kind.is_none() {
            self.watch.replacing_until = Some(now_ms.saturating_add(self.job.bidding_ms));
        }
        self.look_for_auditors();
    }

    /// An accept was not delivered: unless it runs after all, its provider does not have the offer any more.
    pub(super) fn fail_undelivered(&mut self, number: u16, why: &str) {
        let runs = self.execution(number).is_some_and(|execution| execution.state == ExecutionState::Running);
        self.fail(number, (!runs).then_some(FailureKind::Withdrawn), why);
    }

    /// Fails executions without a heartbeat, or beyond the time of the job.
    pub(super) fn expire(&mut self) {
        for number in self.numbers(ExecutionState::is_pending) {
            let Some((silent, late)) = self.limits(number) else { continue };
            let why = if self.now.ms >= late {
                let allowed = self.job.spec().timeout_seconds;
                format!("no result in time: the job allows {allowed} s")
            } else if self.now.ms >= silent {
                format!("silent for {} s", self.now.config.silence_ms / 1000)
            } else {
                continue;
            };
            self.fail(number, None, &why);
            self.tell_cancelled(number, &why);
        }
    }

    /// This node has not listened for so long: providers get that time beside their own.
    pub(super) fn held_up(&mut self, ms: u64) {
        for heard in &mut self.watch.heard {
            heard.since_ms = heard.since_ms.saturating_add(ms);
            heard.last_ms = heard.last_ms.saturating_add(ms);
        }
        self.watch.asked_ms = self.watch.asked_ms.saturating_add(ms);
        self.watch.replacing_until = self.watch.replacing_until.map(|until| until.saturating_add(ms));
    }

    /// Until when a sign of life, and a result, have to come.
    pub(super) fn limits(&self, number: u16) -> Option<(u64, u64)> {
        let heard = self.watch.heard.get(usize::from(number).checked_sub(1)?)?;
        let allowed = self.job.spec().timeout_seconds.saturating_mul(1000);
        let allowed = allowed.saturating_add(self.now.config.grace_ms);
        Some((heard.last_ms.saturating_add(self.now.config.silence_ms), heard.since_ms.saturating_add(allowed)))
    }
}
