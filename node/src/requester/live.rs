//! A job that has not ended: its record, and what is known of it as long as the process lives.

use std::collections::{BTreeMap, BTreeSet};

use libp2p::PeerId;

use super::RequesterConfig;
use super::fair::Closing;
use super::out::Out;
use super::shard::Shard;
use crate::job::{DeclineReason, Distinct, JobRecord, ShardRecord};
use crate::protocol::ALL_NODES;
use crate::verify::Seal;

/// Shares of all nodes that are asked why they do not bid, in 64ths: by the second announcement and those that follow. The
/// first asks nobody, since most jobs find their bids by it.
const ASKED: [u8; 3] = [1, 8, ALL_NODES];
/// Once so many nodes have said why, no more are asked: in a large network the first share is enough.
const ENOUGH: usize = 8;
/// Nodes whose reasons are counted.
const MOST_DECLINES: usize = 256;

/// A job at work.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) record: JobRecord,
    watches: Vec<Watch>,
    /// Until when bids are waited for.
    pub(super) bidding_until: u64,
    /// When the job is announced again.
    pub(super) announce_ms: Option<u64>,
    /// How often it has been announced.
    pub(super) announced: usize,
    /// Times of its fair draws.
    pub(super) closing: Closing,
    /// Why nodes do not bid, as they say.
    declines: BTreeMap<PeerId, DeclineReason>,
}

/// Times of one shard, none of which outlives the process: after a restart they begin anew.
#[derive(Debug)]
pub(super) struct Watch {
    /// When its next deadline is, as it was told to the machine.
    pub(super) armed: Option<u64>,
    /// By execution.
    pub(super) heard: Vec<Heard>,
    /// When something happened last.
    pub(super) progress_ms: u64,
    /// Whether it was said since that nothing does.
    pub(super) stalled: bool,
    /// When it was said, and how many nodes had declined by then.
    pub(super) said: (u64, usize),
    /// Since when nobody can change the verdict any more.
    pub(super) decided_ms: Option<u64>,
    /// Until when somebody is looked for who takes the place of an execution that was given up: those who bid at first may
    /// have heard nothing for so long that they keep no room for it any more.
    pub(super) replacing_until: Option<u64>,
    /// When the winner that publishes was asked, or said where the results are.
    pub(super) asked_ms: u64,
    /// Since when only receipts are waited for.
    pub(super) closing_ms: Option<u64>,
    /// When the beacon is asked for the round that decides about the audit; absent while it is.
    pub(super) audit_asks_ms: Option<u64>,
    /// Whether it waits for a fair draw, as it was counted.
    pub(super) needy: bool,
    /// Whose evidence does not come, or is of no use.
    pub(super) without_evidence: BTreeSet<u16>,
}

/// When an execution was heard of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// From when on its time counts.
    pub(super) since_ms: u64,
    /// Its last sign of life.
    pub(super) last_ms: u64,
}

/// What is the same for all shards while one input is handled.
#[derive(Clone, Copy)]
pub(super) struct Now<'a> {
    pub(super) ms: u64,
    pub(super) me: PeerId,
    pub(super) config: &'a RequesterConfig,
    pub(super) seal: &'a dyn Seal,
}

impl Live {
    /// Takes up `record`, whose times begin now.
    pub(super) fn new(record: JobRecord, now_ms: u64) -> Self {
        let watches = record.shards.iter().map(|shard| Watch::new(shard, now_ms)).collect();
        let bidding_until = now_ms.saturating_add(record.job.bidding_ms);
        let (declines, closing) = (BTreeMap::new(), Closing::new(now_ms));
        Self { record, watches, bidding_until, announce_ms: None, announced: 0, closing, declines }
    }

    /// One of its shards at work.
    pub(super) fn shard<'a>(&'a mut self, number: u32, now: Now<'a>, out: &'a mut Out) -> Option<Shard<'a>> {
        let index = usize::try_from(number).ok()?;
        let drawing = self.is_drawing(now.ms);
        let draws = self.record.fair.as_ref().map_or(0, |fair| fair.rounds.len());
        let record = self.record.shards.get_mut(index)?;
        let watch = self.watches.get_mut(index)?;
        let (job, bidding_until, declines) = (&self.record.job, self.bidding_until, &self.declines);
        Some(Shard { now, job, number, bidding_until, drawing, draws, declines, record, watch, out })
    }

    /// Which bidders count as one: the same in all shards.
    pub(super) fn distinct(&self) -> Distinct {
        self.record.shards.first().map(|shard| shard.distinct).unwrap_or_default()
    }

    /// The numbers of all shards.
    pub(super) fn numbers(&self) -> Vec<u32> {
        (0..).zip(&self.watches).map(|(number, _)| number).collect()
    }

    /// The share of all nodes that the latest announcement asks why they do not bid, in 64ths.
    pub(super) fn asks(&self) -> u8 {
        let again = self.announced.checked_sub(2).filter(|_| self.declines.len() < ENOUGH);
        again.map_or(0, |again| ASKED[again.min(ASKED.len() - 1)])
    }

    /// A node says why it does not bid. Answers whether that is counted: not what nobody asked for.
    pub(super) fn decline(&mut self, from: PeerId, reason: DeclineReason) -> bool {
        let known = self.declines.contains_key(&from);
        if self.announced < 2 || (!known && self.declines.len() >= MOST_DECLINES) {
            return false;
        }
        self.declines.insert(from, reason) != Some(reason)
    }

    /// A node bids after all.
    pub(super) fn bids(&mut self, from: &PeerId) {
        self.declines.remove(from);
    }

    /// Whether some shard still has to find providers, or others for those that were given up.
    pub(super) fn lacks_bids(&self, now_ms: u64) -> bool {
        let replaces = |watch: &Watch| watch.replacing_until.is_some_and(|until| now_ms < until);
        let mut shards = self.record.shards.iter().zip(&self.watches);
        (now_ms < self.bidding_until && self.lacks_executions())
            || shards.any(|(shard, watch)| shard.verdict.is_none() && !shard.state.is_final() && replaces(watch))
    }

    fn lacks_executions(&self) -> bool {
        let concurrency = usize::from(self.record.job.request.request.spec.deal.concurrency());
        let lacks = |shard: &ShardRecord| shard.verdict.is_none() && shard.executions.len() < concurrency;
        self.record.shards.iter().any(|shard| !shard.state.is_final() && lacks(shard))
    }
}

impl Watch {
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
