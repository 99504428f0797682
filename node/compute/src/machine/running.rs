//! From an accepted bid to the proposal: one run for each shard, one proposal for each run.

use crate::Task;
use std::sync::Arc;

use bacalhau_receipt::Receipt;
use bacalhau_tree::Link;

use super::super::record::{Proposed, Stage, Step};
use super::super::{Effect, Ran};
use super::Compute;
use bacalhau_job::{Announced, ExecutionId, ExecutionState, FailureKind, JobId};
use bacalhau_protocol::{Accept, Ballot, Evidence, Failed, MAX_MESSAGE_BYTES, Message, Proposal, Running};
use bacalhau_verify::SealError;

/// Maximum size of a message besides a receipt: call trail and envelope.
const BESIDE_RECEIPT_BYTES: usize = 256 << 10;
/// Maximum length of a reason in characters.
const MAX_WHY_CHARS: usize = 2000;

impl Compute {
    /// A bid is accepted. A repetition only updates the heartbeat timeout, and is answered by the state of the
    /// execution.
    pub(super) fn accepted(&mut self, accept: &Accept) {
        let execution = accept.execution;
        let ExecutionId { job: id, shard, number } = execution;
        if let Some(Stage::Lapsed) = self.stage(id, shard)
            && !self.renews(id, shard)
        {
            let seconds = self.config.offers.lapse_ms / 1000;
            let why = format!("the offer lapsed after {seconds} s without an answer, and its capacity is in use now");
            self.set_stage(id, shard, Stage::Idle);
            return self.refuse_accepted(execution, &why);
        }
        let again = match self.stage(id, shard) {
            Some(Stage::Bid | Stage::Lapsed) => {
                self.allow_silence(id, shard, accept.silence_ms);
                self.set_stage(id, shard, Stage::Running(number));
                self.begin(execution);
                return self.say_running(execution);
            }
            Some(Stage::Running(running)) if *running == number => {
                if self.allow_silence(id, shard, accept.silence_ms) {
                    self.set_stage(id, shard, Stage::Running(number));
                }
                return self.say_running(execution);
            }
            Some(Stage::Proposed(proposed)) if proposed.number == number => proposed.proposal.clone(),
            stage => {
                let why = match stage {
                    Some(Stage::Running(_) | Stage::Proposed(_) | Stage::Over) => "this node has already run the shard",
                    _ => "this node has no open bid for the shard",
                };
                return self.refuse_accepted(execution, why);
            }
        };
        self.tell(Message::Proposal(again));
    }

    /// Refuses an accepted execution.
    fn refuse_accepted(&mut self, execution: ExecutionId, why: &str) {
        let Some(entry) = self.jobs.get(&execution.job) else { return };
        let to = entry.record.job.requester().peer;
        self.refuse(to, execution, why);
    }

    /// Starts an execution, and reports it to the operator.
    pub(super) fn begin(&mut self, execution: ExecutionId) {
        self.run(execution);
        self.reached(execution, ExecutionState::Running, None, None);
    }

    /// Runs an execution once the spec of its job is known.
    pub(super) fn run(&mut self, execution: ExecutionId) {
        let Some(entry) = self.jobs.get(&execution.job) else { return };
        match &entry.record.job {
            Announced::Full(job) => self.effects.push(Effect::Task(Task::Run { execution, job: Arc::clone(job) })),
            Announced::Brief(brief) => self.fetch_accepted(&Arc::clone(brief)),
        }
    }

    /// Sets the heartbeat timeout of an execution, and returns whether it changed.
    fn allow_silence(&mut self, id: JobId, shard: u32, silence_ms: Option<u64>) -> bool {
        let Some(entry) = self.jobs.get_mut(&id) else { return false };
        let Some(place) = entry.record.shard_mut(shard) else { return false };
        std::mem::replace(&mut place.silence_ms, silence_ms) != silence_ms
    }

    /// Reports that an execution runs. Heartbeats are sent outside of the state machine.
    pub(super) fn say_running(&mut self, execution: ExecutionId) {
        self.tell(Message::Running(Running { execution }));
    }

    pub(super) fn ran(&mut self, execution: ExecutionId, result: Result<Box<Ran>, (FailureKind, String)>) {
        self.ledger.stopped(execution);
        match self.stage(execution.job, execution.shard) {
            Some(Stage::Running(number)) if *number == execution.number => {}
            // The run was requested twice.
            Some(Stage::Proposed(proposed)) if proposed.number == execution.number => return,
            // It was cancelled and ended a moment later: its results are not needed.
            _ => return self.effects.push(Effect::Task(Task::Discard(execution))),
        }
        let outcome = result.as_ref().ok().map(|ran| ran.receipt.claim.outcome);
        let proposed = result.and_then(|ran| {
            let seal = |error: SealError| (FailureKind::Host, format!("the proposal cannot be encrypted: {error}"));
            self.propose(execution, *ran).map_err(seal)
        });
        match proposed {
            Ok(proposed) => {
                let message = Message::Proposal(proposed.proposal.clone());
                self.set_stage(execution.job, execution.shard, Stage::Proposed(Box::new(proposed)));
                self.reached(execution, ExecutionState::Proposed, outcome, None);
                self.tell(message);
            }
            Err((kind, why)) => {
                let why: String = why.chars().take(MAX_WHY_CHARS).collect();
                self.reached(execution, ExecutionState::Failed, None, Some(&why));
                self.tell(Message::Failed(Failed { execution, kind, why }));
                self.release(execution);
            }
        }
    }

    fn propose(&self, execution: ExecutionId, ran: Ran) -> Result<Proposed, SealError> {
        let Ran { receipt, calls } = ran;
        let requester = self.jobs.get(&execution.job).map_or(self.me, |entry| entry.record.job.requester().peer);
        let claim = &receipt.claim;
        let h1 = claim.h1.clone();
        let ballot = Ballot {
            execution,
            provider: self.me,
            requester,
            salt: self.seal.salt()?,
            h1: h1.clone(),
            claim: Link::of_dag_cbor(&claim.to_dag_cbor()),
            outcome: claim.outcome,
            fuel: claim.fuel,
        };
        let proposal = Proposal { execution, sealed: self.seal.seal(&ballot)? };
        let evidence = Evidence { execution, receipt: fitting(receipt), calls };
        Ok(Proposed { number: execution.number, h1, proposal, evidence, evidence_wanted: false, step: Step::Sealed })
    }

    /// The requester cancels its job, or one shard of it.
    pub(super) fn cancelled(&mut self, id: JobId, shard: Option<u32>) {
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        // Also without an accepted bid: the job is not wanted here any more.
        entry.accepted |= shard.is_none();
        let shards: Vec<u32> = match shard {
            Some(shard) => vec![shard],
            None => (0..).take(entry.record.shards.len()).collect(),
        };
        for shard in shards {
            self.abandon(id, shard);
        }
        if shard.is_none() {
            self.forget(id);
            self.past.insert(id, None);
        } else {
            self.forget_if_over(id);
        }
    }

    /// Ends a shard permanently. A running execution holds its capacity until it has ended.
    pub(super) fn abandon(&mut self, id: JobId, shard: u32) {
        let (number, published) = match self.stage(id, shard) {
            Some(Stage::Running(number)) => {
                let execution = id.execution(shard, *number);
                // It waits for its spec and has not started.
                if self.jobs.get(&id).is_some_and(|entry| entry.record.job.full().is_some()) {
                    self.effects.push(Effect::Task(Task::Stop(execution)));
                    self.ledger.stopping((id, shard), execution);
                }
                (execution.number, false)
            }
            Some(Stage::Proposed(proposed)) => (proposed.number, matches!(proposed.step, Step::Published(_))),
            Some(Stage::Waiting | Stage::Bid | Stage::Lapsed) => return self.set_stage(id, shard, Stage::Idle),
            Some(Stage::Idle | Stage::Over) | None => return,
        };
        let execution = id.execution(shard, number);
        if !published {
            self.reached(execution, ExecutionState::Cancelled, None, Some("the requester does not need it any more"));
        }
        self.effects.push(Effect::Task(Task::Discard(execution)));
        self.set_stage(id, shard, Stage::Over);
    }
}

/// The receipt, unless it is too large for a message.
fn fitting(receipt: Receipt) -> Option<Receipt> {
    let most = MAX_MESSAGE_BYTES - BESIDE_RECEIPT_BYTES;
    (receipt.to_dag_cbor().len() <= most).then_some(receipt)
}
