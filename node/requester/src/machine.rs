//! The requester's state machine: jobs by id, timers, and routing of inputs to shards. The other files of this module
//! have one step each.

use crate::Task;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use libp2p_identity::PeerId;

use super::active_job::{ActiveJob, Phase, StepContext};
use super::effects::Effects;
use super::operators::{Established, Operators};
use super::queue::Queue;
use super::shard::Shard;
use super::{Changes, Effect, Input, RequesterConfig};
use bacalhau_job::{
    AnnouncedJob, DeclineReason, DrawMode, Event, EventKind, ExecutionId, FairTerms, Hash256, JobId, JobRecord,
    JobState, Operator, Secrets, ShardState,
};
use bacalhau_protocol::{Bid, Message, Refusal, Reject};
use bacalhau_verify::Seal;

/// Announcements of a job that fit into the time for its bids, at least.
const ANNOUNCEMENTS: u64 = 8;
/// Doublings of the pause between announcements at most.
const GROWTH: usize = 3;

/// The state of a requester.
pub struct Requester {
    pub(super) me: PeerId,
    pub(super) config: RequesterConfig,
    pub(super) seal: Arc<dyn Seal>,
    pub(super) jobs: BTreeMap<JobId, ActiveJob>,
    ended: BTreeSet<JobId>,
    operators: Operators,
    pub(super) queue: Queue,
    /// Timers in order.
    pub(super) times: BTreeSet<(u64, JobId, Due)>,
    pub(super) changes: Changes,
}

/// Subject of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The job is announced again.
    Announce,
    /// Bidding closes, or a fair draw is made.
    Draw,
    /// A timer of this shard.
    Shard(u32),
}

impl fmt::Debug for Requester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requester").field("me", &self.me).field("jobs", &self.jobs.len()).finish_non_exhaustive()
    }
}

impl Requester {
    /// A requester without jobs. `seal` decrypts messages to `me`.
    pub fn new(me: PeerId, config: RequesterConfig, seal: Arc<dyn Seal>) -> Self {
        let (jobs, ended, times) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        let operators = Operators::new(me, Arc::clone(&config.operators));
        let queue = Queue::new(config.bidding_jobs, Arc::clone(&config.client_weights));
        Self { me, config, seal, jobs, ended, operators, queue, times, changes: Changes::default() }
    }

    /// Restores unfinished jobs after a restart, and returns effects to repeat.
    pub fn restore(&mut self, now_ms: u64, records: Vec<JobRecord>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for record in records.into_iter().filter(|record| record.ended_ms.is_none()) {
            let job = record.job.id;
            let live = ActiveJob::new(record, now_ms, &self.config);
            let shards = live.numbers();
            self.jobs.insert(job, live);
            self.event(now_ms, job, EventKind::Resumed, "the node was started again".into());
            self.enqueue(now_ms, job);
            effects.extend(self.resume_draw(now_ms, &job));
            #[expect(clippy::redundant_closure_for_method_calls, reason = "the method alone is for one lifetime only")]
            effects.extend(self.work(now_ms, job, &shards, "", |shard| shard.resume()));
        }
        effects.extend(self.dispatch(now_ms));
        effects
    }

    /// Handles `input` at `now_ms`, in Unix milliseconds, and returns effects. Time must not go back.
    pub fn handle(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        let mut effects = self.take(now_ms, input);
        effects.extend(self.end_tries(now_ms));
        effects.extend(self.dispatch(now_ms));
        effects
    }

    fn take(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        match input {
            Input::Submit(job) => self.submit(now_ms, *job),
            Input::Cancel { job, why } => {
                let shards = self.jobs.get(&job).map(ActiveJob::numbers).unwrap_or_default();
                self.work(now_ms, job, &shards, &why, |shard| shard.cancel(&why))
            }
            Input::Message { from, message } => self.message(now_ms, from, message),
            Input::Bid { from, bid, prefix } => self.bid(now_ms, from, bid, prefix.as_ref()),
            Input::LookedUp { from, bid, result } => {
                let claim = bid.claim.clone();
                let operator = claim.and_then(|claim| self.operators.looked_up(from, bid.job, &claim, result));
                operator.map(|operator| self.take_bid(now_ms, from, &bid, Some(&operator))).unwrap_or_default()
            }
            Input::Undelivered { to, message, why } => self.undelivered(now_ms, to, message, &why),
            Input::Collected { execution, result } => {
                self.execution(now_ms, execution, |shard| shard.collected(execution.number, result.clone()))
            }
            Input::Beacon { job, round, result } => self.beacon(now_ms, job, round, result),
            Input::HeldUp { ms } => self.held_up(now_ms, ms),
            Input::Tick => self.tick(now_ms),
        }
    }

    /// Whether a message of `from` is acceptable, otherwise the refusal. Late and repeated messages are accepted
    /// without effect.
    ///
    /// # Errors
    /// The refusal.
    pub fn admits(&self, from: &PeerId, message: &Message) -> Result<(), Refusal> {
        let live = self.jobs.get(&message.job()).ok_or(Refusal::Unknown)?;
        let execution = match message {
            Message::Bid(_) | Message::Withdraw(_) | Message::Decline(_) | Message::Reveal(_) => return Ok(()),
            Message::Running(running) => running.execution,
            Message::Proposal(proposal) => proposal.execution,
            Message::Failed(failed) => failed.execution,
            Message::Evidence(evidence) => evidence.execution,
            Message::Published(published) => published.execution,
            Message::Receipt(_)
            | Message::Committed(_)
            | Message::Accept(_)
            | Message::Reject(_)
            | Message::Verdict(_)
            | Message::Collected(_)
            | Message::Cancel(_)
            | Message::Spec { .. }
            | Message::Log { .. }
            | Message::Publications { .. } => return Err(Refusal::OutOfTurn),
        };
        let shard = usize::try_from(execution.shard).ok().and_then(|shard| live.record.shards.get(shard));
        let execution = shard.and_then(|shard| shard.execution(execution.number)).ok_or(Refusal::Unknown)?;
        if execution.peer == *from { Ok(()) } else { Err(Refusal::NotYours) }
    }

    /// An active job whose spec `from` requests. The spec of a private job is only for nodes that run it.
    ///
    /// # Errors
    /// The refusal.
    pub fn spec(&self, from: &PeerId, job: &JobId) -> Result<&AnnouncedJob, Refusal> {
        let live = self.jobs.get(job).filter(|live| live.record.ended_ms.is_none()).ok_or(Refusal::Unknown)?;
        let mut executions = live.record.shards.iter().flat_map(|shard| &shard.executions);
        let is_private = live.record.job.spec().private;
        if is_private && !executions.any(|execution| execution.peer == *from && execution.state.is_pending()) {
            return Err(Refusal::NotYours);
        }
        Ok(&live.record.job)
    }

    /// The share of nodes that the announcement of `job` asks for reasons of declines, in 64ths.
    pub fn asks(&self, job: &JobId) -> u8 {
        self.jobs.get(job).map_or(0, ActiveJob::asks)
    }

    /// When [`Input::Tick`] is needed at the latest.
    pub fn deadline(&self) -> Option<u64> {
        let timer = self.times.first().map(|(at_ms, _, _)| *at_ms);
        timer.into_iter().chain(self.queue.deadline()).min()
    }

    /// Number of jobs without all of their executions by client, if it changed since the last call.
    pub fn take_queue(&mut self) -> Option<BTreeMap<PeerId, usize>> {
        self.queue.take_counts()
    }

    /// Changes since the last call.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// A job that has not ended, or has since the last [`forget_ended`](Self::forget_ended).
    pub fn record(&self, job: &JobId) -> Option<&JobRecord> {
        self.jobs.get(job).map(|live| &live.record)
    }

    /// Drops jobs that have ended: their records are on disk.
    pub fn forget_ended(&mut self) {
        for job in std::mem::take(&mut self.ended) {
            self.jobs.remove(&job);
        }
    }

    fn submit(&mut self, now_ms: u64, mut job: AnnouncedJob) -> Vec<Effect> {
        let id = job.id;
        if self.jobs.contains_key(&id) {
            return Vec::new();
        }
        let deal = job.spec().deal;
        let secrets = match deal.draw().unwrap_or(self.config.draw) {
            DrawMode::Fast => None,
            DrawMode::Fair => Some(self.secrets(&id)),
        };
        if let Some(secrets) = &secrets {
            let commit = secrets.as_ref().map_or_else(|_| Hash256::from([0; 32]), Secrets::commit);
            let beacon = self.config.beacon.as_ref().map(|chain| chain.hash());
            job.fair = Some(FairTerms { window_ms: self.config.fair_bidding_ms.max(1), commit, beacon });
        }
        let text = format!("created, shards: {}", job.shards.len());
        let mut record = JobRecord::new(job);
        if let Some(fair) = &mut record.fair {
            fair.chain = self.config.beacon.as_deref().cloned();
        }
        let distinct = record.job.spec().deal.distinct().unwrap_or(self.config.distinct);
        record.shards.iter_mut().for_each(|shard| shard.distinct = distinct);
        let live = ActiveJob::new(record, now_ms, &self.config);
        let shards = live.numbers();
        self.jobs.insert(id, live);
        self.event(now_ms, id, EventKind::Created, text);
        self.enqueue(now_ms, id);
        match secrets {
            Some(Err(error)) => self.cannot_draw(now_ms, id, &error),
            _ => self.work(now_ms, id, &shards, "", |_| {}),
        }
    }

    fn message(&mut self, now_ms: u64, from: PeerId, message: Message) -> Vec<Effect> {
        if self.admits(&from, &message).is_err() {
            return Vec::new();
        }
        if matches!(message, Message::Proposal(_) | Message::Failed(_)) {
            self.queue.wake(&from);
        }
        match message {
            Message::Bid(bid) => self.bid(now_ms, from, bid, None),
            Message::Decline(decline) => {
                let reason = DeclineReason::of(&decline.reason);
                let Some(live) = self.jobs.get_mut(&decline.job) else { return Vec::new() };
                let shards =
                    if live.decline(now_ms, from, reason, decline.later) { live.numbers() } else { Vec::new() };
                self.work(now_ms, decline.job, &shards, "", |_| {})
            }
            Message::Reveal(reveal) => self.revealed(now_ms, from, reveal),
            Message::Withdraw(withdraw) => self.work(now_ms, withdraw.job, &once(withdraw.shards), "", |shard| {
                shard.withdraw(&from, &withdraw.why);
            }),
            Message::Running(it) => self.execution(now_ms, it.execution, |shard| shard.running(it.execution.number)),
            Message::Proposal(it) => {
                self.execution(now_ms, it.execution, |shard| shard.propose(it.execution.number, &it.sealed))
            }
            Message::Failed(it) => {
                self.execution(now_ms, it.execution, |shard| shard.fail(it.execution.number, Some(it.kind), &it.why))
            }
            Message::Evidence(it) => self.execution(now_ms, it.execution, |shard| {
                shard.evidence(it.execution.number, it.receipt.clone(), it.calls.clone());
            }),
            Message::Published(it) => self.execution(now_ms, it.execution, |shard| {
                shard.published(it.execution.number, it.delivery.clone(), it.publications.clone());
            }),
            _ => Vec::new(),
        }
    }

    /// A bid counts at once, unless its operator must be looked up on the chain.
    fn bid(&mut self, now_ms: u64, from: PeerId, bid: Bid, prefix: Option<&String>) -> Vec<Effect> {
        let Some(live) = self.jobs.get(&bid.job) else { return Vec::new() };
        match self.operators.of(live.distinct(), from, &bid, prefix) {
            Established::Known(operator) => self.take_bid(now_ms, from, &bid, operator.as_ref()),
            Established::Lookup(claim) => vec![Effect::Task(Task::LookUp { from, bid, claim })],
            Established::Waits => Vec::new(),
        }
    }

    fn take_bid(&mut self, now_ms: u64, from: PeerId, bid: &Bid, operator: Option<&Operator>) -> Vec<Effect> {
        let Some(live) = self.jobs.get(&bid.job) else { return Vec::new() };
        // A provider has capacity for it before its interval ends.
        let begins = live.phase == Phase::Queued && live.tries > 0;
        let mut effects = if begins { self.begin_try(now_ms, bid.job) } else { Vec::new() };
        let Some(live) = self.jobs.get_mut(&bid.job) else { return effects };
        live.bids(&from);
        let (job, shards) = (bid.job, once(bid.shards.clone()));
        if !live.binds(now_ms, from, bid) {
            effects.push(Effect::Send { to: from, message: Message::Reject(Reject { job, shards }) });
            return effects;
        }
        effects.extend(self.steps(now_ms, job, &shards, "", |shard| shard.bid(from, &bid.versions, operator)));
        let receipt = self.jobs.get(&job).and_then(|live| live.receipt(self.seal.as_ref(), &from, &shards));
        effects.extend(receipt.map(|message| Effect::Send { to: from, message }));
        effects.extend(self.draw_fairly(now_ms, job));
        effects
    }

    /// A message was not delivered: an execution without its accept has failed, a publishing winner is replaced. Others
    /// do not matter.
    fn undelivered(&mut self, now_ms: u64, to: PeerId, message: Message, why: &str) -> Vec<Effect> {
        let why = format!("it could not be reached: {why}");
        match message {
            Message::Accept(accept) => self.execution(now_ms, accept.execution, |shard| {
                let number = accept.execution.number;
                if shard.is_of(number, &to) {
                    shard.fail_undelivered(number, &why);
                    shard.tell_cancelled(number, &why);
                }
            }),
            Message::Verdict(notice) => self.execution(now_ms, notice.execution, |shard| {
                let number = notice.execution.number;
                let delivered = shard.execution(number).is_some_and(|it| it.memo.delivery.is_some());
                if shard.is_of(number, &to) {
                    shard.no_evidence(number);
                    if notice.publish && shard.asked() == Some(number) && !delivered {
                        shard.replace_publisher(number, &why);
                    }
                }
            }),
            _ => Vec::new(),
        }
    }

    /// Extends the timers of peers by the time that this node was blocked.
    fn held_up(&mut self, now_ms: u64, ms: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        for job in self.jobs.keys().copied().collect::<Vec<_>>() {
            let Some(live) = self.jobs.get_mut(&job) else { continue };
            live.bidding_until = live.bidding_until.saturating_add(ms);
            live.gives_up_ms = live.gives_up_ms.saturating_add(ms);
            if live.phase == Phase::Bidding {
                self.queue.begin(job, live.bidding_until);
            }
            live.closing.held_up(ms);
            let shards = live.numbers();
            effects.extend(self.work(now_ms, job, &shards, "", |shard| shard.held_up(ms)));
        }
        effects
    }

    fn tick(&mut self, now_ms: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        let due: Vec<_> = self.times.iter().take_while(|(at_ms, _, _)| *at_ms <= now_ms).copied().collect();
        for (_, job, due) in due {
            effects.extend(match due {
                Due::Shard(shard) => self.work(now_ms, job, &[shard], "", |_| {}),
                Due::Draw => self.draw_fairly(now_ms, job),
                Due::Announce => self.announce(now_ms, job).into_iter().collect(),
            });
        }
        effects
    }

    /// Announces a job and schedules the next announcement while a shard lacks bids.
    pub(super) fn announce(&mut self, now_ms: u64, job: JobId) -> Option<Effect> {
        let live = self.jobs.get_mut(&job)?;
        if let Some(armed) = live.announce_ms.take() {
            self.times.remove(&(armed, job, Due::Announce));
        }
        if !live.lacks_bids(now_ms) {
            return None;
        }
        // Also with a short bidding time, all nodes can be asked for reasons.
        let pause = self.config.announce_ms.min(live.record.job.bidding_ms / ANNOUNCEMENTS).max(1);
        // Busy providers know the job, so it is announced for others, less and less often.
        let growth = if live.full().next().is_some() { live.announced.min(GROWTH) } else { 0 };
        let next = now_ms.saturating_add(pause << growth);
        live.announced += 1;
        live.announce_ms = Some(next);
        self.times.insert((next, job, Due::Announce));
        Some(Effect::Announce(live.record.job.clone()))
    }

    fn execution(&mut self, now_ms: u64, id: ExecutionId, step: impl FnMut(&mut Shard<'_>)) -> Vec<Effect> {
        self.work(now_ms, id.job, &[id.shard], "", step)
    }

    /// Takes a step in some shards of a job, and all that follows from it and from the time.
    pub(super) fn work(
        &mut self,
        now_ms: u64,
        job: JobId,
        shards: &[u32],
        why: &str,
        step: impl FnMut(&mut Shard<'_>),
    ) -> Vec<Effect> {
        let mut effects = self.steps(now_ms, job, shards, why, step);
        effects.extend(self.draw_fairly(now_ms, job));
        effects
    }

    /// Like `step`, without the consequences for fair draws.
    pub(super) fn steps(
        &mut self,
        now_ms: u64,
        job: JobId,
        shards: &[u32],
        why: &str,
        mut step: impl FnMut(&mut Shard<'_>),
    ) -> Vec<Effect> {
        let Some(live) = self.jobs.get_mut(&job) else { return Vec::new() };
        let now = StepContext { ms: now_ms, me: self.me, config: &self.config, seal: self.seal.as_ref() };
        let mut out = Effects::default();
        for number in shards {
            let Some(mut shard) = live.shard(*number, now, &mut out) else { continue };
            step(&mut shard);
            shard.advance();
            let due = shard.deadline();
            let armed = std::mem::replace(&mut shard.watch.armed, due);
            let needy = shard.is_needy();
            let was_needy = std::mem::replace(&mut shard.watch.needy, needy);
            live.closing.needy = live.closing.needy + usize::from(needy) - usize::from(was_needy);
            if let Some(armed) = armed.filter(|armed| Some(*armed) != due) {
                self.times.remove(&(armed, job, Due::Shard(*number)));
            }
            self.times.extend(due.map(|due| (due, job, Due::Shard(*number))));
        }
        out.gather(job, why);
        if out.changed {
            self.changes.jobs.insert(job);
        }
        self.changes.events.append(&mut out.events);
        let announces = live.announce_ms.is_none() && live.lacks_bids(now_ms);
        if out.moved {
            out.all.extend(self.settle(now_ms, job));
        }
        self.change_queue(now_ms, job);
        if announces {
            out.all.extend(self.announce(now_ms, job));
        }
        out.all
    }

    /// Updates the state of a job, and ends it when all shards have ended.
    fn settle(&mut self, now_ms: u64, job: JobId) -> Option<Effect> {
        let record = &mut self.jobs.get_mut(&job)?.record;
        record.state = JobState::of(record.shards.iter().map(|shard| shard.state));
        if !record.state.is_final() || record.ended_ms.is_some() {
            return None;
        }
        record.ended_ms = Some(now_ms);
        let state = record.state;
        let unsuccessful = record.shards.iter().filter(|shard| shard.state != ShardState::Completed);
        let why = unsuccessful.into_iter().find_map(|shard| shard.why.as_deref());
        let text = why.map_or_else(|| state.to_string(), |why| format!("{state}: {why}"));
        self.event(now_ms, job, EventKind::Ended(state), text);
        self.ended.insert(job);
        if let Some(armed) = self.jobs.get_mut(&job).and_then(|live| live.announce_ms.take()) {
            self.times.remove(&(armed, job, Due::Announce));
        }
        Some(Effect::Task(Task::Ended(job)))
    }

    pub(super) fn event(&mut self, at_ms: u64, job: JobId, kind: EventKind, text: String) {
        self.changes.jobs.insert(job);
        self.changes.events.push(Event { job, at_ms, shard: None, execution: None, peer: None, kind, text });
    }
}

/// Shards as a message names them, each once.
fn once(shards: Vec<u32>) -> Vec<u32> {
    shards.into_iter().collect::<BTreeSet<u32>>().into_iter().collect()
}
