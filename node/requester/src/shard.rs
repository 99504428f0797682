//! A shard in progress: helpers of all steps, and their order.

use std::collections::BTreeMap;

use libp2p_identity::PeerId;

use super::active_job::{Declined, ShardTimers, StepContext};
use super::effects::Effects;
use bacalhau_job::{
    AnnouncedJob, Deal, Event, EventKind, ExecutionId, ExecutionRecord, ExecutionState, JobState, ShardRecord,
    ShardState,
};
use bacalhau_protocol::{Cancel, Message};

/// Letters of a stranger's words that are kept.
const WORDS: usize = 400;

/// One shard while an input is handled.
pub(super) struct Shard<'a> {
    pub(super) now: StepContext<'a>,
    pub(super) job: &'a AnnouncedJob,
    pub(super) number: u32,
    /// End of this try of the job.
    pub(super) bidding_until: u64,
    /// When the shard fails if it lacks executions.
    pub(super) gives_up_ms: u64,
    /// Whether the job waits in the queue.
    pub(super) queued: bool,
    /// Whether providers would run the job and are full.
    pub(super) is_full_elsewhere: bool,
    /// When the job is announced again.
    pub(super) next_try_ms: Option<u64>,
    /// Whether a fair draw is pending or due; the shard does not fail before that.
    pub(super) drawing: bool,
    /// Fair draws of the job so far.
    pub(super) draws: usize,
    pub(super) declines: &'a BTreeMap<PeerId, Declined>,
    pub(super) record: &'a mut ShardRecord,
    pub(super) watch: &'a mut ShardTimers,
    pub(super) out: &'a mut Effects,
}

impl Shard<'_> {
    /// Performs all due steps.
    pub(super) fn advance(&mut self) {
        if !self.is_judged() {
            self.expire();
            self.audit();
            self.ask_for_audit();
            self.fill();
            self.judge();
            self.lapse();
        }
        if self.is_judged() {
            self.expire_publication();
            self.close();
        }
        self.stall();
    }

    pub(super) fn deal(&self) -> Deal {
        self.job.spec().deal
    }

    /// Number of executions that must propose: those of the deal, and the audit.
    pub(super) fn concurrency(&self) -> usize {
        usize::from(self.deal().concurrency()) + usize::from(self.is_audited())
    }

    /// Whether no proposal counts any more.
    pub(super) fn is_judged(&self) -> bool {
        self.record.verdict.is_some() || self.record.state.is_final()
    }

    pub(super) fn id(&self, execution: u16) -> ExecutionId {
        self.job.id.execution(self.number, execution)
    }

    pub(super) fn execution(&self, number: u16) -> Option<&ExecutionRecord> {
        self.record.execution(number)
    }

    /// The execution with this number, which is about to change.
    pub(super) fn change(&mut self, number: u16) -> Option<&mut ExecutionRecord> {
        self.out.changed = true;
        self.record.executions.get_mut(usize::from(number).checked_sub(1)?)
    }

    /// Whether `peer` is the provider of the execution.
    pub(super) fn is_of(&self, number: u16, peer: &PeerId) -> bool {
        self.execution(number).is_some_and(|execution| execution.peer == *peer)
    }

    /// Number of executions in matching states.
    pub(super) fn count(&self, stands: impl Fn(ExecutionState) -> bool) -> usize {
        self.record.executions.iter().filter(|execution| stands(execution.state)).count()
    }

    /// Numbers of the executions in matching states.
    pub(super) fn numbers(&self, stands: impl Fn(ExecutionState) -> bool) -> Vec<u16> {
        let standing = self.record.executions.iter().filter(|execution| stands(execution.state));
        standing.map(|execution| execution.number).collect()
    }

    pub(super) fn send(&mut self, execution: u16, message: Message) {
        if let Some(to) = self.execution(execution).map(|execution| execution.peer) {
            self.out.send(to, message);
        }
    }

    /// Records that something happened, to this execution if there is one.
    pub(super) fn happened(&mut self, kind: EventKind, execution: Option<u16>, text: String) {
        let peer = execution.and_then(|number| self.execution(number)).map(|execution| execution.peer);
        self.happened_by(kind, execution, peer, text);
    }

    pub(super) fn happened_by(&mut self, kind: EventKind, execution: Option<u16>, peer: Option<PeerId>, text: String) {
        if kind != EventKind::Stalled {
            self.watch.progress_ms = self.now.ms;
            self.watch.stalled = false;
            self.record.why = None;
        }
        self.out.changed = true;
        let (job, at_ms, shard) = (self.job.id, self.now.ms, Some(self.number));
        self.out.events.push(Event { job, at_ms, shard, execution, peer, kind, text });
    }

    pub(super) fn stands(&mut self, state: ShardState) {
        self.record.state = state;
        (self.out.changed, self.out.moved) = (true, true);
    }

    /// Cancels executions that are not needed, and notifies their providers.
    pub(super) fn dismiss(&mut self, executions: &[u16], why: &str) {
        for number in executions {
            let Some(execution) = self.change(*number) else { continue };
            execution.state = ExecutionState::Cancelled;
            self.tell_cancelled(*number, why);
        }
    }

    pub(super) fn tell_cancelled(&mut self, execution: u16, why: &str) {
        let cancel = Cancel { job: self.job.id, shard: Some(self.number), why: why.into() };
        self.send(execution, Message::Cancel(cancel));
    }

    /// Ends the shard, with the reason if there is no result.
    pub(super) fn end(&mut self, state: ShardState, why: Option<String>) {
        self.reject_open_bids();
        self.stands(state);
        if self.job.shards.len() > 1 {
            let text = why.as_ref().map_or_else(|| format!("{state}"), |why| format!("{state}: {why}"));
            self.happened(EventKind::Ended(JobState::of([state])), None, text);
        }
        self.record.why = why;
    }

    /// The end of a shard that cannot come to a verdict.
    pub(super) fn give_up(&mut self, why: String) {
        let unneeded = self.numbers(|state| state.is_pending() || state == ExecutionState::Proposed);
        self.dismiss(&unneeded, &why);
        self.end(ShardState::Failed, Some(why));
    }

    /// The client takes the job back.
    pub(super) fn cancel(&mut self, why: &str) {
        if self.record.state.is_final() {
            return;
        }
        for bid in &mut self.record.bids {
            if bid.accepted.is_none() {
                bid.accepted = Some(false);
                self.out.cancel(bid.peer);
            }
        }
        for execution in &mut self.record.executions {
            if execution.state != ExecutionState::Failed {
                self.out.cancel(execution.peer);
            }
            if execution.state.is_pending() || execution.state == ExecutionState::Proposed {
                execution.state = ExecutionState::Cancelled;
            }
        }
        self.end(ShardState::Cancelled, Some(why.into()));
    }
}

/// Text of another party, cut to the stored length.
pub(super) fn bounded(words: &str) -> String {
    match words.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.into(),
    }
}

/// The name of a peer as it is shown within sentences.
pub(super) fn short(peer: &PeerId) -> String {
    let name = peer.to_string();
    match (name.get(..4), name.get(name.len().saturating_sub(6)..)) {
        (Some(begin), Some(end)) if name.len() > 12 => format!("{begin}…{end}"),
        _ => name,
    }
}
