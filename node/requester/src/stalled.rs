//! Reports what a shard waits for after a time without progress, once until the next progress.

use super::shard::{Shard, short};
use bacalhau_job::{DeclineReason, EventKind, ExecutionState};

/// Pause before further declines are reported.
const SAY_AGAIN_MS: u64 = 1_000;
/// Providers that a sentence names; of the others it has the number.
const NAMED: usize = 3;

impl Shard<'_> {
    /// Reports the reason for a delay, if there is one.
    pub(super) fn stall(&mut self) {
        let due = self.watch.progress_ms.saturating_add(self.now.config.stalled_ms);
        let due = if self.watch.stalled { self.said_again_at() } else { Some(due) };
        if self.queued || self.record.state.is_final() || due.is_none_or(|due| self.now.ms < due) {
            return;
        }
        self.watch.stalled = true;
        self.watch.said = (self.now.ms, self.declines.len());
        let text = self.waits_for();
        self.record.why = Some(text.clone());
        self.happened(EventKind::Stalled, None, text);
    }

    /// When the report is repeated, because more nodes have declined.
    pub(super) fn said_again_at(&self) -> Option<u64> {
        let (said_ms, declines) = self.watch.said;
        let lacks = !self.is_judged() && self.numbers(ExecutionState::is_pending).is_empty();
        (lacks && self.declines.len() > declines).then(|| said_ms.saturating_add(SAY_AGAIN_MS))
    }

    fn waits_for(&self) -> String {
        if self.watch.closing_ms.is_some() {
            return "waiting for receipts of executions".into();
        }
        if let Some(execution) = self.asked().and_then(|number| self.execution(number)) {
            let what =
                if execution.memo.delivery.is_some() { "results are fetched from" } else { "waiting for results of" };
            return format!("{what} {} (for {} s)", short(&execution.peer), self.seconds_since(self.watch.asked_ms));
        }
        if self.is_audit_pending() {
            return "waiting for the round of the beacon that decides about an audit".into();
        }
        if self.drawing {
            return "waiting for the randomness of the draw".into();
        }
        let pending = self.numbers(ExecutionState::is_pending);
        if pending.is_empty() && self.is_full_elsewhere {
            let text = self.queue_in_words();
            let only_full = self.declines.values().all(|declined| declined.reason == DeclineReason::Full);
            if only_full { text } else { self.with_declines(text) }
        } else if self.record.executions.is_empty() {
            let waits = self.bidders_in_words("providers");
            self.with_declines(format!("{}: waiting for {waits}", self.bids_in_words()))
        } else if pending.is_empty() {
            let (accepted, wanted) = (self.occupied(), self.concurrency());
            let waits = self.bidders_in_words("more providers");
            self.with_declines(format!("accepted {accepted}/{wanted}: waiting for {waits}"))
        } else {
            let mut names: Vec<String> =
                pending.iter().take(NAMED).filter_map(|number| self.describe(*number)).collect();
            if pending.len() > NAMED {
                names.push(format!("{} more", pending.len() - NAMED));
            }
            format!("{}: waiting for {}", self.proposals_in_words(), names.join(", "))
        }
    }

    fn with_declines(&self, text: String) -> String {
        match self.declines_in_words() {
            Some(declines) => format!("{text}; {declines}"),
            None => text,
        }
    }

    /// `providers` with the properties that they need.
    fn bidders_in_words(&self, providers: &str) -> String {
        let inputs = usize::try_from(self.number).ok().and_then(|number| self.job.shards.get(number));
        let needed = if inputs.is_some_and(|inputs| !inputs.is_empty()) { " that hold the inputs" } else { "" };
        format!("{providers}{needed}")
    }

    fn describe(&self, number: u16) -> Option<String> {
        let execution = self.execution(number)?;
        let seconds = self.seconds_since(execution.accepted_ms);
        let peer = short(&execution.peer);
        Some(match execution.state {
            ExecutionState::Running => format!("{peer} (running for {seconds} s)"),
            _ => format!("{peer} (accepted {seconds} s ago, not yet running)"),
        })
    }

    fn seconds_since(&self, at_ms: u64) -> u64 {
        self.now.ms.saturating_sub(at_ms) / 1000
    }
}
