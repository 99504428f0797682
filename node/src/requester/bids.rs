//! From bids to acceptances. Nothing is accepted before the deal's `min_bids` bids are open; then as many as the deal's
//! concurrency are drawn, and the rest waits for executions to fail; where one is given up later than bids are kept, the
//! job is announced anew. A shard that has not found its concurrency when the time for bids is over has failed: the deal
//! asked for so many independent runs, and fewer would be another deal.

use libp2p::PeerId;

use super::distinct::one_of_each;
use super::draw::draw;
use super::live::Heard;
use super::shard::Shard;
use crate::job::{
    BidRecord, Distinct, DrawRecord, EventKind, ExecutionMemo, ExecutionRecord, ExecutionState, Operator, ShardState,
    declines_in_words,
};
use crate::protocol::{Accept, FailureKind, Message, PROTOCOL_VERSION, Versions};

impl Shard<'_> {
    /// A provider offers to run the shard. One that is not needed is told at once, so that it does not keep anything free.
    pub(super) fn bid(&mut self, from: PeerId, versions: &Versions, operator: Option<&Operator>) {
        let known = self.record.bids.iter().position(|bid| bid.peer == from);
        match known.map(|at| &self.record.bids[at]) {
            Some(bid) if bid.accepted == Some(false) => return self.out.reject(from, self.number),
            Some(bid) if bid.accepted.is_some() || self.stands_still(bid) => return,
            _ => {}
        }
        // The operator of a bidder stays what it was at first, so that each draw can be repeated.
        let operator = known.map_or(operator.cloned(), |at| self.record.bids[at].operator.clone());
        let useless = !self.wants_bids() || self.is_one_too_many(from, operator.as_ref());
        if !self.can_run(versions) || useless {
            return self.out.reject(from, self.number);
        }
        let bid = BidRecord { peer: from, at_ms: self.now.ms, accepted: None, operator };
        match known {
            Some(at) => self.record.bids[at] = bid,
            None => self.record.bids.push(bid),
        }
        let text = self.bids_in_words();
        // Who bids in a fair draw is not said before the set is fixed.
        let who = (!self.is_fair()).then_some(from);
        self.happened_by(EventKind::Bid, None, who, text);
    }

    /// A provider takes its offer back. If it was accepted at the same time, the execution has failed.
    pub(super) fn withdraw(&mut self, from: &PeerId, why: &str) {
        let open = self.record.bids.iter_mut().find(|bid| bid.peer == *from && bid.accepted.is_none());
        if let Some(bid) = open {
            bid.accepted = Some(false);
            self.out.changed = true;
        }
        let accepted = self.record.executions.iter().find(|execution| execution.peer == *from);
        if let Some(number) = accepted.filter(|it| it.state == ExecutionState::Accepted).map(|it| it.number) {
            self.fail(number, Some(FailureKind::Withdrawn), why);
        }
    }

    /// Gives executions to bidders until there are as many as the deal asks for.
    pub(super) fn fill(&mut self) {
        let open = self.offering();
        let first = self.record.executions.is_empty();
        let vacant = self.vacant();
        if !self.is_fair() && vacant > 0 && open > 0 && (!first || open >= usize::from(self.deal().min_bids())) {
            self.draw(vacant);
        }
        if self.occupied() >= self.concurrency() || self.spare() == 0 {
            self.watch.replacing_until = None;
        }
    }

    /// Gives the shard up when there were too few bids in time, unless those who run have decided it.
    pub(super) fn lapse(&mut self) {
        let in_time = self.now.ms < self.bidding_until || self.has_its_executions() || self.drawing;
        if in_time || self.is_judged() || self.watch.decided_ms.is_some() {
            return;
        }
        let seconds = self.job.bidding_ms / 1000;
        self.give_up(if self.record.executions.is_empty() {
            format!("{} after {seconds} s: {}", self.bids_in_words(), self.too_few())
        } else {
            let (placed, wanted) = (self.record.executions.len(), self.concurrency());
            let bids = self.operators_in_words().map(|bids| format!(" ({bids})")).unwrap_or_default();
            format!("accepted {placed}/{wanted}{bids} after {seconds} s: {}", self.too_few())
        });
    }

    /// That too few providers bid, with the reasons of those that said why they do not.
    fn too_few(&self) -> String {
        let few = match self.record.distinct {
            Distinct::None => "not enough providers offered to run it",
            Distinct::Prefix => "not enough address prefixes offered to run it, each of which counts once (--distinct)",
            Distinct::Operator => "not enough operators offered to run it, each of which counts once (--distinct)",
        };
        self.declines_in_words().map_or_else(|| few.into(), |declines| format!("{few}; {declines}"))
    }

    /// Why nodes do not bid, counted.
    pub(super) fn declines_in_words(&self) -> Option<String> {
        declines_in_words(self.declines.values().copied())
    }

    fn draw(&mut self, vacant: usize) {
        let Ok(round) = u16::try_from(self.record.draws.len() + 1) else { return };
        let bidders: Vec<PeerId> = self.record.bids.iter().map(|bid| bid.peer).collect();
        let order = draw(&self.job.id, self.number, round, &bidders);
        let open = one_of_each(&order, &self.record.bids, &self.record.executions, |peer| self.is_open(peer));
        let (drawn, reserves) = open.split_at(vacant.min(open.len()));
        let executions = drawn.iter().filter_map(|peer| self.accept(*peer)).collect();
        self.record.draws.push(DrawRecord { round, at_ms: self.now.ms, bids: bidders.len(), executions, fair: None });
        let kept = &reserves[..self.spare().min(reserves.len())];
        for peer in order.iter().filter(|peer| !kept.contains(peer)) {
            if self.is_open(peer) {
                self.answer(peer, false);
                self.out.reject(*peer, self.number);
            }
        }
    }

    pub(super) fn accept(&mut self, peer: PeerId) -> Option<u16> {
        let number = u16::try_from(self.record.executions.len() + 1).ok()?;
        self.answer(&peer, true);
        let bid = self.record.bids.iter().find(|bid| bid.peer == peer);
        let operator = bid.and_then(|bid| bid.operator.clone());
        self.record.executions.push(ExecutionRecord {
            number,
            peer,
            operator,
            state: ExecutionState::Accepted,
            accepted_ms: self.now.ms,
            ended_ms: None,
            h1: None,
            claim: None,
            outcome: None,
            fuel: None,
            why: None,
            receipt: None,
            calls: None,
            publications: Vec::new(),
            memo: ExecutionMemo::default(),
        });
        self.watch.heard.push(Heard { since_ms: self.now.ms, last_ms: self.now.ms });
        if self.record.state == ShardState::Bidding {
            self.stands(ShardState::Running);
        }
        self.send(number, self.acceptance(number));
        let text = format!("accepted {}/{}", self.occupied(), self.concurrency());
        self.happened(EventKind::Accepted, Some(number), text);
        Some(number)
    }

    /// What a provider is told whose bid is accepted.
    pub(super) fn acceptance(&self, number: u16) -> Message {
        Message::Accept(Accept::new(self.id(number), self.now.config.silence_ms))
    }

    /// Tells all whose bids are open that they are not needed.
    pub(super) fn reject_open_bids(&mut self) {
        for bid in self.record.bids.iter_mut().filter(|bid| bid.accepted.is_none()) {
            bid.accepted = Some(false);
            self.out.reject(bid.peer, self.number);
        }
    }

    pub(super) fn answer(&mut self, peer: &PeerId, accepted: bool) {
        if let Some(bid) = self.record.bids.iter_mut().find(|bid| bid.peer == *peer) {
            bid.accepted = Some(accepted);
        }
    }

    fn can_run(&self, versions: &Versions) -> bool {
        let profile = self.job.request.request.spec.engine.profile();
        versions.protocol == PROTOCOL_VERSION && versions.profiles.contains(&profile)
    }

    /// Whether another bid is of any use: always before the first draw, and after it as long as there are fewer reserves
    /// than executions may still be begun.
    fn wants_bids(&self) -> bool {
        let in_time = self.now.ms < self.bidding_until || self.has_its_executions();
        !self.is_judged() && in_time && (self.record.executions.is_empty() || self.offering() < self.spare())
    }

    /// Whether as many executions as the deal asks for have been begun, whatever became of them.
    pub(super) fn has_its_executions(&self) -> bool {
        self.record.executions.len() >= usize::from(self.deal().concurrency())
    }

    /// Executions that have not failed.
    pub(super) fn occupied(&self) -> usize {
        self.count(|state| state.is_pending() || state == ExecutionState::Proposed)
    }

    /// Executions that are to be begun now.
    pub(super) fn vacant(&self) -> usize {
        self.concurrency().saturating_sub(self.occupied()).min(self.spare())
    }

    /// How many more executions may be begun, as the tries are bounded.
    pub(super) fn spare(&self) -> usize {
        let tries = self.concurrency() * usize::from(self.now.config.tries.max(1));
        tries.min(u16::MAX.into()).saturating_sub(self.record.executions.len())
    }

    fn is_open(&self, peer: &PeerId) -> bool {
        self.record.bids.iter().any(|bid| bid.peer == *peer && self.stands_still(bid))
    }

    /// Whether a bid is open, and its bidder still keeps room for it: that is for as long as bids are taken.
    pub(super) fn stands_still(&self, bid: &BidRecord) -> bool {
        let old = self.now.ms.saturating_sub(bid.at_ms) >= self.job.bidding_ms;
        bid.accepted.is_none() && (self.record.executions.is_empty() || !old)
    }

    /// How many executions may yet take the place of others, for which bids are waited for.
    pub(super) fn replacements(&self) -> usize {
        let in_time = self.watch.replacing_until.is_some_and(|until| self.now.ms < until);
        if in_time || self.may_be_drawn() { self.vacant() } else { 0 }
    }

    pub(super) fn bids_in_words(&self) -> String {
        let needed = self.deal().min_bids().max(self.deal().concurrency());
        let bids = self.record.bids.iter().filter(|bid| bid.accepted != Some(false)).count();
        let operators = self.operators_in_words().map(|bids| format!("{bids}, {needed} needed"));
        operators.unwrap_or_else(|| format!("bids {bids}/{needed}"))
    }
}
