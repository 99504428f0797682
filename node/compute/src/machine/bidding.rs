//! From the announcement of a job to the answer to a bid: assessment, offers, and their end.

use crate::Task;
use libp2p_identity::PeerId;

use super::super::offers::Parties;
use super::super::record::{Record, Shard, Stage};
use super::super::{DiskSpace, Effect, News};
use super::{Asked, Compute, Entry};
use bacalhau_job::{Announced, DeclineReason, Declined, Distinct, JobId, Resources};
use bacalhau_protocol::{Bid, Message, Versions, Withdraw};

/// Time allowed for the answer after bidding closes.
const ANSWER_MS: u64 = 5_000;
/// Additional time for a fair draw, which waits for randomness.
const DRAW_MS: u64 = 10_000;
/// Why a node with a full disk does not bid.
pub(super) const DISK_FULL: &str = "the disk of this node is full";

impl Compute {
    pub(super) fn announced(&mut self, job: Announced, versions: &Versions) {
        let id = job.id();
        if versions.protocol != self.versions.protocol {
            return;
        }
        let (why, later) = (versions.asks(&self.me, &id), versions.takes_later());
        if (why || later) && self.asked.len() < self.config.jobs {
            self.asked.insert(id, Asked { requester: job.requester().clone(), why, later });
        }
        self.consider(job);
    }

    /// Considers an announced job, or one whose spec was fetched.
    pub(super) fn consider(&mut self, job: Announced) {
        let id = job.id();
        if self.draining {
            return self.decline(id, Declined::new(DeclineReason::Draining, "this node is shutting down"));
        }
        if !self.versions.profiles.contains(&job.profile()) {
            return self
                .decline(id, Declined::new(DeclineReason::NoEngine, "this node has no executor for its program"));
        }
        if let Some(chain) = job.fair().and_then(|fair| fair.beacon).filter(|chain| self.beacon(chain).is_none()) {
            let why = format!(
                "its draw uses beacon chain {chain}, which this node does not know (set requester.beacon_chain)"
            );
            return self.decline(id, Declined::new(DeclineReason::Policy, why));
        }
        if let Some(entry) = self.jobs.get(&id) {
            if entry.record.job.requester().peer == job.requester().peer {
                self.announced_again(id);
            }
            return;
        }
        if self.disk_full {
            return self.decline(id, Declined::new(DeclineReason::DiskFull, DISK_FULL));
        }
        if self.past.is_over(&id) {
            self.asked.remove(&id);
            return;
        }
        if self.assessing.contains(&id) {
            return;
        }
        if self.jobs.len() >= self.config.jobs {
            let why = format!("this node has the maximum of {} jobs already", self.jobs.len());
            return self.decline(id, Declined::new(DeclineReason::Full, why));
        }
        if let Announced::Brief(brief) = &job
            && !brief.is_private()
        {
            return self.fetch(brief);
        }
        let answered_by = self.answered_by_ms(self.now_ms, &job);
        let parties = Parties::of(&job);
        let bytes = job.memory_bytes();
        if let Err(why) = self.held.allow(parties, bytes) {
            return self.decline(id, Declined::new(DeclineReason::Full, why.to_string()));
        }
        self.held.insert(id, parties, bytes);
        let record = Record::new(job, self.now_ms);
        self.heard += 1;
        self.jobs.insert(id, Entry::new(record, parties, self.heard));
        self.timers.set((id, None), Some(answered_by));
        self.queue.push_back(id);
        self.assess_next();
    }

    /// The requester lacks bids: reconsiders shards without an offer, or with one that expires too early.
    fn announced_again(&mut self, id: JobId) {
        let Some(entry) = self.jobs.get_mut(&id) else { return };
        let open = |stage: &Stage| matches!(stage, Stage::Idle | Stage::Lapsed);
        let idle = |shard: &Shard| open(&shard.stage) && self.ledger.could_fit(shard.needs);
        let idle: Vec<u32> =
            (0..).zip(&entry.record.shards).filter_map(|(number, shard)| idle(shard).then_some(number)).collect();
        if idle.is_empty() {
            return;
        }
        entry.record.heard_ms = self.now_ms;
        let job = entry.record.job.clone();
        self.timers.set((id, None), Some(self.answered_by_ms(self.now_ms, &job)));
        for shard in idle {
            self.set_stage(id, shard, Stage::Waiting);
        }
    }

    /// Starts assessments in order of arrival, up to the limit.
    pub(super) fn assess_next(&mut self) {
        while self.assessing.len() < self.config.assessing {
            let Some(id) = self.queue.pop_front() else { return };
            // It may have been forgotten meanwhile.
            let Some(entry) = self.jobs.get(&id) else { continue };
            self.assessing.insert(id);
            self.effects.push(Effect::Task(Task::Assess(entry.record.job.clone())));
        }
    }

    pub(super) fn assessed(&mut self, id: JobId, result: Result<Vec<Option<Resources>>, Declined>) {
        let asked = self.assessing.remove(&id);
        self.assess_next();
        let Some(entry) = self.jobs.get_mut(&id).filter(|_| asked) else { return };
        if entry.fetched.is_some() {
            return self.assessed_accepted(id, result);
        }
        let shards = entry.record.job.shards();
        match result {
            Ok(needs) if needs.len() == shards && !self.draining => {
                let past = &self.past;
                let shard = |(number, needs): (u32, Option<Resources>)| match needs {
                    Some(needs) if !past.has_run(&id, number) => Shard { needs, stage: Stage::Idle, silence_ms: None },
                    _ => Shard { needs: Resources::default(), stage: Stage::Over, silence_ms: None },
                };
                entry.record.shards = (0..).zip(needs).map(shard).collect();
            }
            Ok(_) => return self.forget(id),
            Err(declined) => {
                self.decline(id, declined);
                return self.forget(id);
            }
        }
        let wanted: Vec<u32> = (0..)
            .zip(&entry.record.shards)
            .filter(|(_, shard)| matches!(shard.stage, Stage::Idle) && self.ledger.could_fit(shard.needs))
            .map(|(number, _)| number)
            .collect();
        if wanted.is_empty() {
            // Before it is forgotten.
            self.decline_what_does_not_fit(id);
        }
        for shard in wanted {
            self.set_stage(id, shard, Stage::Waiting);
        }
        self.forget_if_over(id);
    }

    /// Offers shards for which capacity is free, oldest job first. A later, smaller job may overtake one that does not
    /// fit yet.
    pub(super) fn start_waiting(&mut self) {
        if self.waiting_for_capacity.is_empty() || self.ledger.is_full() || self.disk_full {
            return;
        }
        let waiting_for_capacity: Vec<JobId> = self.waiting_for_capacity.iter().map(|(_, id)| *id).collect();
        for id in waiting_for_capacity {
            if self.ledger.is_full() {
                return;
            }
            self.bid(id);
        }
    }

    fn bid(&mut self, id: JobId) {
        let Some(entry) = self.jobs.get(&id) else { return };
        if self.now_ms >= self.closes_ms(entry.record.heard_ms, &entry.record.job) {
            return;
        }
        let parties = entry.parties;
        let mut shards = Vec::new();
        for (number, shard) in (0..).zip(&entry.record.shards) {
            let waits = matches!(shard.stage, Stage::Waiting);
            if waits && self.offers.allow(parties, shard.needs).is_err() {
                break;
            }
            if waits && self.ledger.reserve((id, number), shard.needs) {
                self.offers.insert((id, number), parties, shard.needs);
                shards.push(number);
            }
            if self.ledger.is_full() {
                break;
            }
        }
        for shard in &shards {
            self.set_stage(id, *shard, Stage::Bid);
        }
        if !shards.is_empty() {
            if self.jobs.get(&id).is_some_and(|entry| entry.waiting == 0) {
                self.asked.remove(&id);
            }
            self.news.push(News::Bid { job: id, shards: shards.len() });
            self.offer(id, shards);
        }
    }

    /// Sends a bid. It names this node's storage provider if the job asks for operators.
    pub(super) fn offer(&mut self, id: JobId, shards: Vec<u32>) {
        let Some(entry) = self.jobs.get(&id) else { return };
        let by_operator = entry.record.job.deal().distinct() == Some(Distinct::Operator);
        let claim = self.config.miner.clone().filter(|_| by_operator);
        self.tell(Message::Bid(Bid {
            job: id,
            shards,
            versions: self.versions.clone(),
            claim,
            commit: self.commit(&id),
        }));
    }

    /// After a lapsed offer, jobs of its requester come after those of other requesters, and jobs of its client last.
    /// Otherwise one party could hold capacity with an endless series of offers.
    pub(super) fn put_last(&mut self, id: JobId) {
        let Some(parties) = self.jobs.get(&id).map(|entry| entry.parties) else { return };
        let concerned = |client: bool| {
            let jobs = self.jobs.iter().filter(move |(_, entry)| {
                // Without its spec, the client of a job is unknown.
                let same = parties.client.is_some() && entry.parties.client == parties.client;
                (entry.parties.requester == parties.requester || same) && same == client
            });
            let mut jobs: Vec<(u64, JobId)> = jobs.map(|(id, entry)| (entry.order, *id)).collect();
            jobs.sort_unstable();
            jobs
        };
        for (order, id) in concerned(false).into_iter().chain(concerned(true)) {
            let Some(entry) = self.jobs.get_mut(&id) else { continue };
            self.heard += 1;
            entry.order = self.heard;
            if self.waiting_for_capacity.remove(&(order, id)) {
                self.waiting_for_capacity.insert((self.heard, id));
            }
        }
    }

    /// Renews a lapsed offer if there is capacity, and returns whether it did.
    pub(super) fn renews(&mut self, id: JobId, shard: u32) -> bool {
        let Some(needs) = self.jobs.get(&id).and_then(|entry| entry.record.shard(shard)).map(|shard| shard.needs)
        else {
            return false;
        };
        !self.draining && !self.disk_full && self.ledger.reserve((id, shard), needs)
    }

    /// When bids for a job received at `heard_ms` become useless, by this node's clock.
    pub(super) fn closes_ms(&self, heard_ms: u64, job: &Announced) -> u64 {
        heard_ms.saturating_add(job.bidding_ms().min(self.config.offers.bidding_ms))
    }

    /// When an answer to a bid can no longer arrive.
    pub(super) fn answered_by_ms(&self, heard_ms: u64, job: &Announced) -> u64 {
        let draw_ms = job.fair().map_or(0, |_| DRAW_MS);
        self.closes_ms(heard_ms, job).saturating_add(ANSWER_MS).saturating_add(draw_ms)
    }

    /// No answer can arrive any more.
    pub(super) fn bidding_ended(&mut self, id: JobId) {
        self.give_up(id, |stage| matches!(stage, Stage::Waiting | Stage::Bid | Stage::Lapsed));
        self.forget_if_over(id);
    }

    pub(super) fn rejected(&mut self, id: JobId, shards: &[u32]) {
        self.note_left_out(id);
        for shard in shards {
            if let Some(Stage::Waiting | Stage::Bid | Stage::Lapsed) = self.stage(id, *shard) {
                self.set_stage(id, *shard, Stage::Idle);
            }
        }
        self.forget_if_over(id);
    }

    /// A bid was not delivered: releases its capacity.
    pub(super) fn bid_undelivered(&mut self, to: PeerId, bid: &Bid) {
        let Some(entry) = self.jobs.get(&bid.job).filter(|entry| entry.record.job.requester().peer == to) else {
            return;
        };
        let bids: Vec<u32> = bid.shards.iter().copied().filter(|shard| entry.is_bid(*shard)).collect();
        for shard in bids {
            self.set_stage(bid.job, shard, Stage::Idle);
        }
        self.forget_if_over(bid.job);
    }

    /// Stops offering, and withdraws unanswered offers.
    pub(super) fn drain(&mut self) {
        self.draining = true;
        self.queue.clear();
        self.withdraw("the node is shutting down");
    }

    /// With a full disk, stops offering and withdraws unanswered offers until there is space again.
    pub(super) fn disk(&mut self, space: DiskSpace) {
        self.ledger.set_room(space.room_bytes);
        if space.full && !self.disk_full {
            self.withdraw(DISK_FULL);
        }
        self.disk_full = space.full;
    }

    /// Withdraws unanswered offers.
    pub(super) fn withdraw(&mut self, why: &str) {
        for id in self.jobs.keys().copied().collect::<Vec<_>>() {
            self.withdraw_from(id, why);
        }
    }

    /// Withdraws unanswered offers for one job.
    pub(super) fn withdraw_from(&mut self, id: JobId, why: &str) {
        let shards = self.give_up(id, |stage| matches!(stage, Stage::Bid | Stage::Lapsed));
        self.give_up(id, |stage| matches!(stage, Stage::Waiting));
        if !shards.is_empty() {
            self.tell(Message::Withdraw(Withdraw { job: id, shards, why: why.into() }));
        }
        self.forget_if_over(id);
    }

    /// Makes the shards in matching stages idle, and returns them.
    fn give_up(&mut self, id: JobId, which: fn(&Stage) -> bool) -> Vec<u32> {
        let Some(entry) = self.jobs.get(&id) else { return Vec::new() };
        let shards = (0..).zip(&entry.record.shards).filter(|(_, shard)| which(&shard.stage));
        let shards: Vec<u32> = shards.map(|(number, _)| number).collect();
        for shard in &shards {
            self.set_stage(id, *shard, Stage::Idle);
        }
        shards
    }
}

impl Entry {
    /// A job without offers yet.
    pub(super) fn new(record: Record, parties: Parties, order: u64) -> Self {
        let (live, waiting, failed_fetches) = (0, 0, 0);
        Self { record, parties, fetched: None, failed_fetches, order, live, waiting, accepted: false }
    }

    fn is_bid(&self, shard: u32) -> bool {
        self.record.shard(shard).is_some_and(|shard| matches!(shard.stage, Stage::Bid))
    }
}
