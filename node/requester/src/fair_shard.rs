//! The part of one shard in the fair draws of its job.

use std::collections::BTreeSet;

use libp2p_identity::PeerId;

use super::distinct::one_of_each;
use super::shard::Shard;
use bacalhau_job::{
    BidRecord, DrawRecord, ExecutionRecord, FairRound, Hash256,
    draw::{MAX_ROUNDS, order, seed},
};

impl Shard<'_> {
    /// Whether the job has fair draws.
    pub(super) fn is_fair(&self) -> bool {
        self.job.fair.is_some()
    }

    /// Whether the shard lacks executions that a draw may give it.
    pub(super) fn is_needy(&self) -> bool {
        self.is_fair() && !self.is_judged() && self.watch.decided_ms.is_none() && self.vacant() > 0
    }

    /// Whether enough bids are open for a draw: for the first one the deal's minimum, later any.
    pub(super) fn is_eligible(&self) -> bool {
        self.offering() >= self.bids_needed()
    }

    /// Whether no further draw can be made.
    fn is_exhausted(&self) -> bool {
        self.draws >= usize::from(MAX_ROUNDS)
    }

    /// Whether a draw may yet replace an execution, by bids that are open.
    pub(super) fn may_be_drawn(&self) -> bool {
        self.is_fair() && (self.drawing || !self.is_exhausted() && self.offering() > 0)
    }

    /// End of bidding.
    pub(super) fn bids_until(&self) -> u64 {
        let replacing = self.watch.replacing_until.filter(|_| self.has_its_executions());
        let first = (!self.has_its_executions()).then_some(self.bidding_until);
        first.or(replacing).unwrap_or(0)
    }

    /// The bidders with open bids.
    pub(super) fn open_bidders(&self) -> Vec<PeerId> {
        self.record.bids.iter().filter(|bid| self.stands_still(bid)).map(|bid| bid.peer).collect()
    }

    /// Bidders that did not reveal take no part any more.
    pub(super) fn exclude(&mut self, peers: &BTreeSet<PeerId>) {
        for bid in self.record.bids.iter_mut().filter(|bid| bid.accepted.is_none() && peers.contains(&bid.peer)) {
            bid.accepted = Some(false);
            self.out.reject(bid.peer, self.number);
            self.out.changed = true;
        }
    }

    /// Assigns executions in the order of a draw. Without enough participants nothing is drawn.
    pub(super) fn draw_fairly(&mut self, drawn: &FairRound) {
        let members: BTreeSet<PeerId> = drawn.members(self.number).into_iter().collect();
        let Some(seed) = seed(drawn, self.number) else { return };
        if members.is_empty() || !self.is_needy() {
            return;
        }
        let chosen = choose(&seed, &members, &self.record.bids, &self.taken_executions());
        if chosen.len() < self.bids_needed() {
            return;
        }
        let Ok(round) = u16::try_from(self.record.draws.len() + 1) else { return };
        let (first, reserves) = chosen.split_at(self.vacant().min(chosen.len()));
        let executions = first.iter().filter_map(|peer| self.accept(*peer)).collect();
        let (at_ms, fair) = (self.now.ms, Some(drawn.signed.commitment.round));
        self.record.draws.push(DrawRecord { round, at_ms, bids: members.len(), executions, fair });
        let mut kept: BTreeSet<PeerId> = reserves.iter().take(self.spare()).copied().collect();
        for peer in self.open_bidders() {
            // Bids after the set was fixed wait for the next draw, if one is allowed.
            if !members.contains(&peer) && kept.len() < self.spare() {
                kept.insert(peer);
            } else if !kept.contains(&peer) {
                self.answer(&peer, false);
                self.out.reject(peer, self.number);
            }
        }
    }

    fn bids_needed(&self) -> usize {
        let deal = self.deal();
        let runs = if self.now.ms >= self.bidding_until { deal.min_runs() } else { deal.concurrency() };
        if self.record.executions.is_empty() { usize::from(deal.min_bids().max(runs)) } else { 1 }
    }
}

/// Bidders in the order in which a fair draw takes them, one of each operator that has no execution yet.
pub(super) fn choose(
    seed: &Hash256,
    members: &BTreeSet<PeerId>,
    bids: &[BidRecord],
    executions: &[ExecutionRecord],
) -> Vec<PeerId> {
    let names: Vec<PeerId> = members.iter().copied().collect();
    let bids: Vec<BidRecord> = bids.iter().filter(|bid| members.contains(&bid.peer)).cloned().collect();
    one_of_each(&order(seed, &names), &bids, executions, |_| true)
}
