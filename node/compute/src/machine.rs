//! The provider's state machine: input validation, state changes and persistence. The steps are in `bidding`
//! (announcement to answer), `running` (accept to proposal) and `judged` (verdict to end).

mod bidding;
mod declining;
mod drawing;
mod fetching;
mod judged;
mod restore;
mod running;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use libp2p_identity::PeerId;

use super::capacity::Ledger;
use super::declines::Declines;
use super::fetches::Fetches;
use super::finished_jobs::FinishedJobs;
use super::held::Held;
use super::load::Load;
use super::offers::{Offers, Parties};
use super::record::{Record, Stage, Step};
use super::timers::Timers;
use super::{ComputeConfig, Effect, Input, News};
use bacalhau_job::{
    Announced, AnnouncedJob, ExecutionId, ExecutionState, FailureKind, JobId, Requester, Resources, ShardRuns,
};
use bacalhau_protocol::{Accept, Collected, DEFAULT_SILENCE_MS, Failed, Message, Versions};
use bacalhau_verify::Seal;

/// Heartbeats in one heartbeat timeout of a requester.
const HEARTBEATS: u64 = 3;
/// Minimum interval between heartbeats of an execution, even if its requester asks for a shorter one.
const MIN_HEARTBEAT_MS: u64 = 1_000;
/// Maximum interval.
const MAX_HEARTBEAT_MS: u64 = 300_000;

/// The state of a provider.
pub struct Compute {
    me: PeerId,
    versions: Versions,
    config: ComputeConfig,
    seal: Arc<dyn Seal>,
    jobs: BTreeMap<JobId, Entry>,
    ledger: Ledger,
    offers: Offers,
    fetches: Fetches,
    held: Held,
    timers: Timers,
    /// Jobs to assess, in order of arrival.
    queue: VecDeque<JobId>,
    /// Jobs being assessed, including forgotten ones.
    assessing: BTreeSet<JobId>,
    /// Jobs with shards that wait for capacity, oldest first.
    waiting_for_capacity: BTreeSet<(u64, JobId)>,
    past: FinishedJobs,
    declines: Declines,
    /// Jobs whose requester wants to know why this node does not bid, until it has bid or declined.
    asked: BTreeMap<JobId, Asked>,
    load: Load,
    /// Number of jobs received so far.
    heard: u64,
    draining: bool,
    disk_full: bool,
    changed: BTreeSet<JobId>,
    effects: Vec<Effect>,
    news: Vec<News>,
    now_ms: u64,
}

/// What a requester wants to know if this node does not bid.
#[derive(Debug)]
struct Asked {
    requester: Requester,
    /// The reason, whichever it is.
    why: bool,
    /// When there is capacity.
    later: bool,
}

/// A job, with counts that avoid iterating over its shards.
struct Entry {
    record: Record,
    parties: Parties,
    /// The job with its fetched spec, if it was announced without and is not assessed yet.
    fetched: Option<Arc<AnnouncedJob>>,
    /// Number of failed fetches of the spec.
    failed_fetches: u8,
    /// Position in the order of offers: by arrival, unless an offer lapsed.
    order: u64,
    /// Number of shards that are not over.
    live: usize,
    /// Number of shards that wait for capacity.
    waiting: usize,
    /// Number of shards that were accepted here.
    accepted: bool,
}

impl Compute {
    /// A provider without jobs. `seal` encrypts for requesters.
    pub fn new(me: PeerId, versions: Versions, config: ComputeConfig, seal: Arc<dyn Seal>) -> Self {
        Self {
            me,
            versions,
            seal,
            jobs: BTreeMap::new(),
            ledger: Ledger::new(config.total, config.per_job, config.disk.room_bytes),
            offers: Offers::new(config.total, config.offers),
            fetches: Fetches::new(config.fetches),
            held: Held::new(config.held),
            timers: Timers::default(),
            queue: VecDeque::new(),
            assessing: BTreeSet::new(),
            waiting_for_capacity: BTreeSet::new(),
            past: FinishedJobs::new(config.jobs),
            declines: Declines::default(),
            asked: BTreeMap::new(),
            load: Load::default(),
            heard: 0,
            draining: false,
            disk_full: config.disk.full,
            changed: BTreeSet::new(),
            effects: Vec::new(),
            news: Vec::new(),
            now_ms: 0,
            config,
        }
    }

    /// Handles `input` at `now_ms`, in Unix milliseconds, and returns effects. Time must not go back.
    pub fn handle(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        self.now_ms = self.now_ms.max(now_ms);
        let considered = match &input {
            Input::Announced { job, .. } => Some(job.id()),
            Input::Fetched { brief, .. } => Some(brief.id),
            Input::Assessed { job, .. } => Some(*job),
            _ => None,
        };
        match input {
            Input::Announced { job, versions } => self.announced(job, &versions),
            Input::Fetched { brief, result } => self.fetched(&brief, result),
            Input::Assessed { job, result } => self.assessed(job, result),
            Input::Message { from, message } => self.heard_from(from, message),
            Input::Undelivered { to, message, refusal } => self.undelivered(to, &message, refusal),
            Input::Ran { execution, result } => self.ran(execution, result),
            Input::Published { execution, result } => self.published(execution, result),
            Input::Disk(space) => self.disk(space),
            Input::Drain => self.drain(),
            Input::Tick => {}
        }
        self.pass_time();
        self.start_waiting();
        if let Some(job) = considered {
            self.decline_what_does_not_fit(job);
        }
        std::mem::take(&mut self.effects)
    }

    /// The latest time for the next [`Input::Tick`].
    pub fn deadline(&self) -> Option<u64> {
        self.timers.next()
    }

    /// Jobs whose records changed since the last call.
    pub fn take_changes(&mut self) -> Vec<JobId> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    /// News since the last call.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// The record of a job for the disk; `None` when it can be deleted.
    pub fn record(&self, job: &JobId) -> Option<Vec<u8>> {
        let record = &self.jobs.get(job)?.record;
        record.is_kept().then(|| record.encode())
    }

    /// A known job: its requester, client, and how the requester is reached.
    pub fn job(&self, job: &JobId) -> Option<&Announced> {
        self.jobs.get(job).map(|entry| &entry.record.job)
    }

    /// Capacity reserved by bids, runs and kept results.
    pub fn reserved(&self) -> Resources {
        self.ledger.reserved()
    }

    /// Capacity that is not reserved.
    pub fn free(&self) -> Resources {
        self.ledger.free()
    }

    /// Number of running executions.
    pub fn running(&self) -> usize {
        self.jobs.values().flat_map(|entry| &entry.record.shards).filter_map(|shard| shard.stage.running()).count()
    }

    /// Whether results are in transfer to a requester for which `reaches` is true: proposed, and neither lost nor
    /// collected. Of winners only the publishing one counts.
    pub fn hands_over(&self, reaches: impl Fn(&PeerId) -> bool) -> bool {
        let waits = |stage: &Stage| matches!(stage, Stage::Proposed(proposed) if proposed.step != Step::Won);
        let mut reached = self.jobs.values().filter(|entry| reaches(&entry.record.job.requester().peer));
        reached.any(|entry| entry.record.shards.iter().any(|shard| waits(&shard.stage)))
    }

    /// A message. Only the job's requester may send it.
    fn heard_from(&mut self, from: PeerId, message: Message) {
        match self.jobs.get(&message.job()) {
            Some(entry) if entry.record.job.requester().peer == from => self.on_requester_message(message),
            Some(_) => {}
            // A requester that accepts a lapsed bid must learn that soon, not by a timeout.
            None => {
                if let Message::Accept(Accept { execution, .. }) = message {
                    self.refuse(from, execution, "this node has no open bid for the job");
                }
            }
        }
    }

    fn on_requester_message(&mut self, message: Message) {
        match message {
            Message::Receipt(receipt) => self.receipted(receipt),
            Message::Committed(committed) => self.committed(committed),
            Message::Accept(accept) => self.accepted(&accept),
            Message::Reject(reject) => self.rejected(reject.job, &reject.shards),
            Message::Verdict(verdict) => self.judged(&verdict),
            Message::Collected(Collected { execution }) => self.release(execution),
            Message::Cancel(cancel) => self.cancelled(cancel.job, cancel.shard),
            // Messages of providers, and those that are answered outside of this module.
            Message::Bid(_)
            | Message::Withdraw(_)
            | Message::Decline(_)
            | Message::Reveal(_)
            | Message::Running(_)
            | Message::Proposal(_)
            | Message::Failed(_)
            | Message::Evidence(_)
            | Message::Published(_)
            | Message::Spec { .. }
            | Message::Log { .. }
            | Message::Publications { .. } => {}
        }
    }

    /// Handles due timers.
    fn pass_time(&mut self) {
        let mut lapsed = BTreeSet::new();
        while let Some((job, shard)) = self.timers.pop(self.now_ms) {
            let Some(shard) = shard else {
                self.bidding_ended(job);
                continue;
            };
            if let Some(Stage::Bid) = self.stage(job, shard) {
                self.set_stage(job, shard, Stage::Lapsed);
                lapsed.insert(job);
            } else if let Some(Stage::Proposed(proposed)) = self.stage(job, shard) {
                let execution = job.execution(shard, proposed.number);
                let why = "the requester did not fetch its results in time";
                self.reached(execution, ExecutionState::Cancelled, None, Some(why));
                self.release(execution);
            }
        }
        for job in lapsed {
            self.put_last(job);
        }
    }

    fn stage(&self, job: JobId, shard: u32) -> Option<&Stage> {
        self.jobs.get(&job)?.record.shard(shard).map(|shard| &shard.stage)
    }

    /// Moves a shard to another stage. Capacity, timers, heartbeats, counts and persistence follow from the stage only
    /// here; the capacity of a bid is reserved before.
    fn set_stage(&mut self, job: JobId, shard: u32, stage: Stage) {
        let Some(entry) = self.jobs.get_mut(&job) else { return };
        let Some(place) = entry.record.shard_mut(shard) else { return };
        match stage {
            Stage::Bid | Stage::Running(_) => {}
            Stage::Proposed(_) => self.ledger.keep_disk((job, shard)),
            Stage::Waiting | Stage::Lapsed | Stage::Idle | Stage::Over => drop(self.ledger.release((job, shard))),
        }
        if !matches!(stage, Stage::Bid) {
            self.offers.remove((job, shard));
        }
        let due = match stage {
            Stage::Bid => Some(self.now_ms.saturating_add(self.config.offers.lapse_ms)),
            Stage::Proposed(_) => Some(self.now_ms.saturating_add(self.config.keep_ms)),
            _ => None,
        };
        self.timers.set((job, Some(shard)), due);
        if stage.is_kept() || place.stage.is_kept() {
            self.changed.insert(job);
        }
        entry.live = entry.live + usize::from(stage.is_live()) - usize::from(place.stage.is_live());
        let waits = |stage: &Stage| usize::from(matches!(stage, Stage::Waiting));
        entry.waiting = entry.waiting + waits(&stage) - waits(&place.stage);
        entry.accepted |= !matches!(stage, Stage::Waiting | Stage::Lapsed | Stage::Idle | Stage::Bid);
        if entry.accepted {
            self.held.remove(&job);
        }
        let ended = place.stage.running();
        let began = stage.running();
        place.stage = stage;
        if let Some(number) = ended.filter(|_| began != ended) {
            self.load.end(job.execution(shard, number), self.now_ms);
            self.effects.push(Effect::StopHeartbeat(job.execution(shard, number)));
        }
        if let Some(number) = began {
            self.load.begin(job.execution(shard, number), self.now_ms);
            self.effects.push(heartbeat(&entry.record, job.execution(shard, number)));
        }
        let waiting_for_capacity = (entry.order, job);
        if entry.waiting > 0 {
            self.waiting_for_capacity.insert(waiting_for_capacity);
        } else {
            self.waiting_for_capacity.remove(&waiting_for_capacity);
        }
    }

    /// Forgets a job when nothing of it can continue.
    fn forget_if_over(&mut self, job: JobId) {
        if self.jobs.get(&job).is_some_and(|entry| entry.live == 0) {
            self.forget(job);
        }
    }

    fn forget(&mut self, job: JobId) {
        self.asked.remove(&job);
        self.held.remove(&job);
        let Some(entry) = self.jobs.remove(&job) else { return };
        for shard in (0..).take(entry.record.shards.len()) {
            self.ledger.release((job, shard));
            self.offers.remove((job, shard));
            self.timers.set((job, Some(shard)), None);
        }
        self.timers.set((job, None), None);
        self.waiting_for_capacity.remove(&(entry.order, job));
        if entry.record.is_kept() {
            self.changed.insert(job);
        }
        if entry.accepted {
            let shards = || (0..).zip(&entry.record.shards);
            let over =
                ShardRuns::of(shards().filter(|(_, shard)| matches!(shard.stage, Stage::Over)).map(|(at, _)| at));
            let remain = shards().any(|(_, shard)| !matches!(shard.stage, Stage::Over));
            self.past.insert(job, remain.then_some(over));
        }
    }

    fn send(&mut self, to: PeerId, message: Message) {
        self.effects.push(Effect::Send { to, message });
    }

    /// Sends a message to the requester of its job.
    fn tell(&mut self, message: Message) {
        if let Some(entry) = self.jobs.get(&message.job()) {
            let to = entry.record.job.requester().peer;
            self.send(to, message);
        }
    }

    fn refuse(&mut self, to: PeerId, execution: ExecutionId, why: &str) {
        self.send(to, Message::Failed(Failed { execution, kind: FailureKind::Withdrawn, why: why.into() }));
    }
}

/// Starts the heartbeat of an execution: a third of the requester's timeout, within our limits.
fn heartbeat(record: &Record, execution: ExecutionId) -> Effect {
    let silence_ms = record.shard(execution.shard).and_then(|shard| shard.silence_ms).unwrap_or(DEFAULT_SILENCE_MS);
    let every_ms = (silence_ms / HEARTBEATS).clamp(MIN_HEARTBEAT_MS, MAX_HEARTBEAT_MS);
    Effect::StartHeartbeat { execution, to: record.job.requester().peer, every_ms }
}

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compute")
            .field("me", &self.me)
            .field("jobs", &self.jobs.len())
            .field("reserved", &self.ledger.reserved())
            .finish_non_exhaustive()
    }
}
