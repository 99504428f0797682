//! When something is due in a shard. Each time here is one that a step of `advance` compares with the clock; a time that
//! was missing here would be a job that waits for ever.

use super::shard::Shard;
use super::{EVIDENCE_MS, STRAGGLERS_MS};
use bacalhau_job::ExecutionState;

impl Shard<'_> {
    /// When `advance` has something to do, unless something happens before.
    pub(super) fn deadline(&self) -> Option<u64> {
        if self.record.state.is_final() {
            return None;
        }
        let stalled = self.watch.progress_ms.saturating_add(self.now.config.stalled_ms);
        let stalled = if self.watch.stalled { self.said_again_at() } else { Some(stalled) }.filter(|_| !self.queued);
        let step = if self.is_judged() { Some(self.publication_deadline()) } else { self.vote_deadline() };
        stalled.into_iter().chain(step).min()
    }

    fn vote_deadline(&self) -> Option<u64> {
        let pending = self.numbers(ExecutionState::is_pending);
        let limits = pending.iter().filter_map(|number| self.limits(*number)).map(|(silent, late)| silent.min(late));
        let decided = self.watch.decided_ms.map(|since| since.saturating_add(STRAGGLERS_MS));
        // With a decision, the bids do not matter any more.
        let waits = !self.has_its_executions() && decided.is_none() && !self.drawing;
        let bidding = waits.then_some(self.gives_up_ms);
        let replacing = self.watch.replacing_until.filter(|_| self.replacements() > 0 && decided.is_none());
        limits.chain(self.watch.audit_asks_ms).chain(bidding).chain(replacing).chain(decided).min()
    }

    fn publication_deadline(&self) -> u64 {
        match self.watch.closing_ms {
            Some(since) => since.saturating_add(EVIDENCE_MS),
            None => self.watch.asked_ms.saturating_add(self.now.config.publishing_ms),
        }
    }
}
