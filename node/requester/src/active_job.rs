//! An active job: its record, and state that is not persisted.

use std::collections::{BTreeMap, BTreeSet};

use libp2p_identity::PeerId;

use super::RequesterConfig;
use super::bids::is_given_back;
use super::effects::Effects;
use super::fair::Closing;
use super::shard::Shard;
use bacalhau_job::{AnnouncedJob, DeclineReason, Distinct, ExecutionRecord, JobRecord, ShardRecord};
use bacalhau_protocol::{ALL_NODES, Later};
use bacalhau_verify::Seal;

/// Share of nodes that an announcement asks for reasons of declines, in 64ths: by the second and later announcements.
/// The first asks none, because most jobs find their bids by it.
const ASKED: [u8; 3] = [1, 8, ALL_NODES];
/// Number of declines after which no more nodes are asked.
const ENOUGH: usize = 8;
/// How long a provider counts as full without saying it again, in milliseconds: it does not repeat it in each try.
const RECENT_MS: u64 = 30_000;
/// Maximum nodes whose declines are counted.
const MOST_DECLINES: usize = 256;

/// A job at work.
#[derive(Debug)]
pub(super) struct ActiveJob {
    pub(super) record: JobRecord,
    watches: Vec<ShardTimers>,
    /// Whether it looks for providers.
    pub(super) phase: Phase,
    /// Whether it has looked for providers to the end, and what remains is decided without.
    pub(super) is_over: bool,
    /// How often it has begun to look for providers.
    pub(super) tries: u32,
    /// Deadline for further bids of this try.
    pub(super) bidding_until: u64,
    /// When shards that lack executions fail.
    pub(super) gives_up_ms: u64,
    /// Until when it waits for busy providers.
    pub(super) queue_until: u64,
    /// Executions of one shard at most.
    most_executions: usize,
    /// When the job is announced again.
    pub(super) announce_ms: Option<u64>,
    /// How often it has been announced.
    pub(super) announced: usize,
    /// Times of its fair draws.
    pub(super) closing: Closing,
    /// Declines by node.
    declines: BTreeMap<PeerId, Declined>,
}

/// Where a job is on the way to its executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It waits in the queue.
    Queued,
    /// It is announced, and bids are taken.
    Bidding,
    /// All of its executions were begun.
    Placed,
}

/// Why a node does not bid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declined {
    pub(super) reason: DeclineReason,
    /// When it expects to have capacity.
    pub(super) later: Option<Later>,
    /// When it said so.
    at_ms: u64,
    /// For which try of the job that counts.
    in_try: u32,
}

/// Timers of a shard. Not persisted: they restart with the process.
#[derive(Debug)]
pub(super) struct ShardTimers {
    /// Time of the armed timer.
    pub(super) armed: Option<u64>,
    /// By execution.
    pub(super) heard: Vec<Heard>,
    /// When something happened last.
    pub(super) progress_ms: u64,
    /// Whether the delay was reported since the last progress.
    pub(super) stalled: bool,
    /// Time of that report, and number of declines at that time.
    pub(super) said: (u64, usize),
    /// Since when no outstanding vote can change the verdict.
    pub(super) decided_ms: Option<u64>,
    /// Until when a replacement is sought: early bids may have expired meanwhile.
    pub(super) replacing_until: Option<u64>,
    /// When the publishing winner was asked, or reported its results.
    pub(super) asked_ms: u64,
    /// Since when only receipts are waited for.
    pub(super) closing_ms: Option<u64>,
    /// When to request the beacon round that decides about the audit; `None` during a request.
    pub(super) audit_asks_ms: Option<u64>,
    /// Whether it waits for a fair draw, as it was counted.
    pub(super) needy: bool,
    /// Executions whose evidence is missing or invalid.
    pub(super) without_evidence: BTreeSet<u16>,
}

/// When an execution was last active.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// From when on its time counts.
    pub(super) since_ms: u64,
    /// Its last sign of life.
    pub(super) last_ms: u64,
}

/// Context shared by all shards while one input is handled.
#[derive(Clone, Copy)]
pub(super) struct StepContext<'a> {
    pub(super) ms: u64,
    pub(super) me: PeerId,
    pub(super) config: &'a RequesterConfig,
    pub(super) seal: &'a dyn Seal,
}

impl ActiveJob {
    /// Resumes `record`; its timers start now.
    pub(super) fn new(record: JobRecord, now_ms: u64, config: &RequesterConfig) -> Self {
        let watches = record.shards.iter().map(|shard| ShardTimers::new(shard, now_ms)).collect();
        let queue_ms = record.job.spec().queue_seconds.map_or(config.queue_ms, |seconds| seconds.saturating_mul(1000));
        let concurrency = usize::from(record.job.spec().deal.concurrency());
        let queue_until = record.job.created_ms.saturating_add(queue_ms);
        let mut live = Self {
            record,
            watches,
            phase: Phase::Queued,
            is_over: false,
            tries: 0,
            bidding_until: now_ms,
            gives_up_ms: queue_until,
            queue_until,
            most_executions: concurrency.saturating_mul(config.tries.max(1).into()),
            announce_ms: None,
            announced: 0,
            closing: Closing::new(now_ms),
            declines: BTreeMap::new(),
        };
        live.gives_up_ms = queue_until.max(now_ms.saturating_add(live.record.job.bidding_ms));
        if !live.lacks_executions() {
            live.phase = Phase::Placed;
        }
        live
    }

    /// The job looks for providers from now on.
    pub(super) fn begin_try(&mut self, now_ms: u64) {
        self.phase = Phase::Bidding;
        self.tries += 1;
        self.announced = 0;
        self.bidding_until = now_ms.saturating_add(self.record.job.bidding_ms);
        self.gives_up_ms = self.queue_until.max(self.bidding_until);
        for declined in self.declines.values_mut().filter(|it| now_ms.saturating_sub(it.at_ms) < RECENT_MS) {
            declined.in_try = self.tries;
        }
    }

    /// One of its shards at work.
    pub(super) fn shard<'a>(
        &'a mut self,
        number: u32,
        now: StepContext<'a>,
        out: &'a mut Effects,
    ) -> Option<Shard<'a>> {
        let index = usize::try_from(number).ok()?;
        let drawing = self.is_drawing(now.ms);
        let is_full_elsewhere = self.full().next().is_some();
        let draws = self.record.fair.as_ref().map_or(0, |fair| fair.rounds.len());
        let record = self.record.shards.get_mut(index)?;
        let watch = self.watches.get_mut(index)?;
        let (job, bidding_until, declines) = (&self.record.job, self.bidding_until, &self.declines);
        let (gives_up_ms, queued) = (self.gives_up_ms, self.phase == Phase::Queued);
        let next_try_ms = self.announce_ms;
        Some(Shard {
            now,
            job,
            number,
            bidding_until,
            gives_up_ms,
            queued,
            is_full_elsewhere,
            next_try_ms,
            drawing,
            draws,
            declines,
            record,
            watch,
            out,
        })
    }

    /// The operator mode, equal in all shards.
    pub(super) fn distinct(&self) -> Distinct {
        self.record.shards.first().map(|shard| shard.distinct).unwrap_or_default()
    }

    /// The numbers of all shards.
    pub(super) fn numbers(&self) -> Vec<u32> {
        (0..).zip(&self.watches).map(|(number, _)| number).collect()
    }

    /// The share of nodes that the latest announcement asks for reasons, in 64ths.
    pub(super) fn asks(&self) -> u8 {
        let again = self.announced.checked_sub(2).filter(|_| self.declines.len() < ENOUGH);
        again.map_or(0, |again| ASKED[again.min(ASKED.len() - 1)])
    }

    /// Counts the decline of a node. Returns whether it counts; unrequested ones do not.
    pub(super) fn decline(&mut self, now_ms: u64, from: PeerId, reason: DeclineReason, later: Option<Later>) -> bool {
        let known = self.declines.contains_key(&from);
        let asked = self.announced >= 2 || (later.is_some() && self.announced > 0);
        if !asked || (!known && self.declines.len() >= MOST_DECLINES) {
            return false;
        }
        let declined = Declined { reason, later, at_ms: now_ms, in_try: self.tries };
        self.declines.insert(from, declined).map(|before| before.reason) != Some(reason)
    }

    /// A node bids after all.
    pub(super) fn bids(&mut self, from: &PeerId) {
        self.declines.remove(from);
    }

    /// The providers that would run the job and said that they are full, in this try. Nodes of earlier versions say it
    /// in the first try only.
    pub(super) fn full(&self) -> impl Iterator<Item = (&PeerId, &Declined)> {
        let is_now = |declined: &Declined| declined.in_try == self.tries || declined.later.is_none();
        let full = move |declined: &Declined| declined.reason == DeclineReason::Full && is_now(declined);
        self.declines.iter().filter(move |(_, declined)| full(declined))
    }

    /// Whether providers would run what is missing and are busy: they are full, or run other shards of the job.
    pub(super) fn is_busy(&self) -> bool {
        let mut shards = self.record.shards.iter().filter(|shard| self.lacks(shard));
        self.full().next().is_some() || shards.any(|shard| self.runs_others(shard))
    }

    fn runs_others(&self, lacking: &ShardRecord) -> bool {
        let mut pending = self.pending_executions();
        pending.any(|execution| lacking.executions.iter().all(|own| own.peer != execution.peer))
    }

    /// Executions that run.
    pub(super) fn pending_executions(&self) -> impl Iterator<Item = &ExecutionRecord> {
        let executions = self.record.shards.iter().flat_map(|shard| &shard.executions);
        executions.filter(|execution| execution.state.is_pending())
    }

    /// Nodes that have answered an announcement.
    pub(super) fn declined(&self) -> &BTreeMap<PeerId, Declined> {
        &self.declines
    }

    /// Whether a shard still needs providers or replacements.
    pub(super) fn lacks_bids(&self, now_ms: u64) -> bool {
        let replaces = |watch: &ShardTimers| watch.replacing_until.is_some_and(|until| now_ms < until);
        let mut shards = self.record.shards.iter().zip(&self.watches);
        (self.phase == Phase::Bidding && now_ms < self.bidding_until && self.lacks_executions())
            || shards.any(|(shard, watch)| shard.verdict.is_none() && !shard.state.is_final() && replaces(watch))
    }

    /// Whether a shard has fewer executions than its deal needs.
    pub(super) fn lacks_executions(&self) -> bool {
        self.record.shards.iter().any(|shard| self.lacks(shard))
    }

    /// Whether the deal accepts fewer runs, and all shards have as many.
    pub(super) fn has_enough(&self) -> bool {
        let deal = self.record.job.spec().deal;
        let fewest = usize::from(deal.min_runs());
        let mut lacking = self.record.shards.iter().filter(|shard| self.lacks(shard));
        deal.min_runs() < deal.concurrency() && lacking.all(|shard| begun(&self.record.job, shard) >= fewest)
    }

    /// The shards that have fewer executions than their deal needs.
    pub(super) fn lacking(&mut self) -> impl Iterator<Item = &mut ShardRecord> {
        let (job, most) = (&self.record.job, self.most_executions);
        self.record.shards.iter_mut().filter(move |shard| lacks(job, shard, most))
    }

    fn lacks(&self, shard: &ShardRecord) -> bool {
        lacks(&self.record.job, shard, self.most_executions)
    }
}

fn lacks(job: &AnnouncedJob, shard: &ShardRecord, most: usize) -> bool {
    if shard.verdict.is_some() || shard.state.is_final() || shard.executions.len() >= most {
        return false;
    }
    begun(job, shard) < usize::from(job.spec().deal.concurrency())
}

fn begun(job: &AnnouncedJob, shard: &ShardRecord) -> usize {
    shard.executions.iter().filter(|it| !is_given_back(job, it)).count()
}

impl ShardTimers {
    fn new(shard: &ShardRecord, now_ms: u64) -> Self {
        let heard = Heard { since_ms: now_ms, last_ms: now_ms };
        Self {
            armed: None,
            heard: vec![heard; shard.executions.len()],
            progress_ms: now_ms,
            stalled: false,
            said: (now_ms, 0),
            decided_ms: None,
            replacing_until: None,
            asked_ms: now_ms,
            closing_ms: None,
            audit_asks_ms: None,
            needy: false,
            without_evidence: BTreeSet::new(),
        }
    }
}
