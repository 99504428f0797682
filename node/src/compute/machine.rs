//! The machine: who is heard, what changes, what has to be on disk. The steps themselves are in `bidding` (from the
//! announcement to the answer of a bid), `running` (from the acceptance to the proposal) and `judged` (from the verdict
//! to the end).

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

use libp2p::PeerId;

use super::capacity::Ledger;
use super::declines::Declines;
use super::fetches::Fetches;
use super::held::Held;
use super::offers::{Offers, Parties};
use super::past::Past;
use super::record::{Record, Stage, Step};
use super::timers::Timers;
use super::{ComputeConfig, Effect, Input, News};
use crate::job::{Announced, AnnouncedJob, ExecutionId, ExecutionState, JobId, Resources};
use crate::protocol::{Accept, Collected, DEFAULT_SILENCE_MS, Failed, FailureKind, Message, Versions};
use crate::verify::Seal;

/// Heartbeats that are sent within the silence that a requester allows.
const HEARTBEATS: u64 = 3;
/// The shortest time between two heartbeats of an execution, whatever its requester asks for.
const MIN_HEARTBEAT_MS: u64 = 1_000;
/// The longest.
const MAX_HEARTBEAT_MS: u64 = 300_000;

/// See the module.
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
    /// Jobs that wait to be assessed, in the order in which they were heard of.
    queue: VecDeque<JobId>,
    /// Jobs that are being assessed, also where they have been forgotten meanwhile.
    assessing: BTreeSet<JobId>,
    /// Jobs with shards that wait for capacity, the oldest first.
    hungry: BTreeSet<(u64, JobId)>,
    past: Past,
    declines: Declines,
    /// Jobs of which the requester asks why they are not bid on, until they are, or it was told.
    asked: BTreeMap<JobId, Announced>,
    /// How many jobs were heard of so far.
    heard: u64,
    draining: bool,
    disk_full: bool,
    changed: BTreeSet<JobId>,
    effects: Vec<Effect>,
    news: Vec<News>,
    now_ms: u64,
}

/// A job, with counts that save looking at all of its shards.
struct Entry {
    record: Record,
    parties: Parties,
    /// The job with its spec, where it was announced without: fetched, and not assessed yet.
    fetched: Option<Arc<AnnouncedJob>>,
    /// How often the spec was asked for in vain.
    failed_fetches: u8,
    /// Its place in the order in which jobs are offered for: that in which they were heard of, unless an offer lapsed.
    order: u64,
    /// Shards of which something may still come.
    live: usize,
    /// Shards that wait for capacity.
    waiting: usize,
    /// Shards that were accepted here at some time.
    accepted: bool,
}

impl Compute {
    /// A provider without jobs. `seal` seals for requesters.
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
            hungry: BTreeSet::new(),
            past: Past::new(config.jobs),
            declines: Declines::default(),
            asked: BTreeMap::new(),
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

    /// What follows from `input` at `now_ms`, in Unix milliseconds. Time never goes back.
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
        self.feed();
        if let Some(job) = considered {
            self.decline_what_does_not_fit(job);
        }
        std::mem::take(&mut self.effects)
    }

    /// When [`Input::Tick`] is needed at the latest.
    pub fn deadline(&self) -> Option<u64> {
        self.timers.next()
    }

    /// Jobs whose records changed since the last call.
    pub fn take_changes(&mut self) -> Vec<JobId> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }

    /// What was done since the last call.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// What has to be kept of a job on disk; `None` where there is nothing any more.
    pub fn record(&self, job: &JobId) -> Option<Vec<u8>> {
        let record = &self.jobs.get(job)?.record;
        record.is_kept().then(|| record.encode())
    }

    /// A job that this node has heard of and not forgotten: who may say what about it, and how its requester is reached.
    pub fn job(&self, job: &JobId) -> Option<&Announced> {
        self.jobs.get(job).map(|entry| &entry.record.job)
    }

    /// What is promised to bids, runs and kept results, all together.
    pub fn reserved(&self) -> Resources {
        self.ledger.reserved()
    }

    /// What is not promised to anybody.
    pub fn free(&self) -> Resources {
        self.ledger.free()
    }

    /// Executions that run.
    pub fn running(&self) -> usize {
        self.jobs.values().flat_map(|entry| &entry.record.shards).filter_map(|shard| shard.stage.running()).count()
    }

    /// Whether the results of some execution are on their way to a requester for which `reaches` is true: proposed, and
    /// neither lost nor collected. Of those that won only the one that publishes counts.
    pub fn hands_over(&self, reaches: impl Fn(&PeerId) -> bool) -> bool {
        let waits = |stage: &Stage| matches!(stage, Stage::Proposed(proposed) if proposed.step != Step::Won);
        let mut reached = self.jobs.values().filter(|entry| reaches(&entry.record.job.requester().peer));
        reached.any(|entry| entry.record.shards.iter().any(|shard| waits(&shard.stage)))
    }

    /// A message. Only the job's requester is listened to.
    fn heard_from(&mut self, from: PeerId, message: Message) {
        match self.jobs.get(&message.job()) {
            Some(entry) if entry.record.job.requester().peer == from => self.obey(message),
            Some(_) => {}
            // Whoever accepts a bid of ours that is no more has to hear that soon, and not by our silence.
            None => {
                if let Message::Accept(Accept { execution, .. }) = message {
                    self.refuse(from, execution, "no bid of this node for the job stands any more");
                }
            }
        }
    }

    fn obey(&mut self, message: Message) {
        match message {
            Message::Receipt(receipt) => self.receipted(receipt),
            Message::Committed(committed) => self.committed(committed),
            Message::Accept(accept) => self.accepted(&accept),
            Message::Reject(reject) => self.rejected(reject.job, &reject.shards),
            Message::Verdict(verdict) => self.judged(&verdict),
            Message::Collected(Collected { execution }) => self.let_go(execution),
            Message::Cancel(cancel) => self.cancelled(cancel.job, cancel.shard),
            // What providers say to requesters, and what is answered without the machine.
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

    /// Does what is due.
    fn pass_time(&mut self) {
        let mut lapsed = BTreeSet::new();
        while let Some((job, shard)) = self.timers.pop(self.now_ms) {
            let Some(shard) = shard else {
                self.bidding_ended(job);
                continue;
            };
            if let Some(Stage::Bid) = self.stage(job, shard) {
                self.put(job, shard, Stage::Lapsed);
                lapsed.insert(job);
            } else if let Some(Stage::Proposed(proposed)) = self.stage(job, shard) {
                let execution = job.execution(shard, proposed.number);
                let why = "the requester did not take its results in time";
                self.reached(execution, ExecutionState::Cancelled, None, Some(why));
                self.let_go(execution);
            }
        }
        for job in lapsed {
            self.put_last(job);
        }
    }

    fn stage(&self, job: JobId, shard: u32) -> Option<&Stage> {
        self.jobs.get(&job)?.record.shard(shard).map(|shard| &shard.stage)
    }

    /// Puts a shard into another stage. Capacity, timers, heartbeats, counts and what is on disk follow from the stage,
    /// here and nowhere else; only the capacity of a bid is reserved before.
    fn put(&mut self, job: JobId, shard: u32, stage: Stage) {
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
            self.effects.push(Effect::StopHeartbeat(job.execution(shard, number)));
        }
        if let Some(number) = began {
            self.effects.push(heartbeat(&entry.record, job.execution(shard, number)));
        }
        let hungry = (entry.order, job);
        if entry.waiting > 0 {
            self.hungry.insert(hungry);
        } else {
            self.hungry.remove(&hungry);
        }
    }

    /// Forgets a job of which nothing can come any more.
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
        self.hungry.remove(&(entry.order, job));
        if entry.record.is_kept() {
            self.changed.insert(job);
        }
        if entry.accepted {
            self.past.insert(job);
        }
    }

    fn send(&mut self, to: PeerId, message: Message) {
        self.effects.push(Effect::Send { to, message });
    }

    /// Sends something to the requester of the job that it is about.
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

/// The heartbeat of an execution: at a third of the silence that its requester allows, within bounds of our own.
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
