//! From bids to accepts. Nothing is accepted before the deal's `min_bids` bids are open; then as many as its
//! concurrency are drawn, and the others remain as replacements for failed executions. When bids have expired, the job
//! is announced again. A shard that does not reach its concurrency in the bidding time fails, unless its
//! deal accepts fewer runs (`min_runs`).

use libp2p_identity::PeerId;

use super::active_job::Heard;
use super::distinct::one_of_each;
use super::draw::draw;
use super::shard::Shard;
use bacalhau_job::{
    AnnouncedJob, BidRecord, Distinct, DrawRecord, EventKind, ExecutionMemo, ExecutionRecord, ExecutionState,
    FailureKind, Operator, ShardState, declines_in_words,
};
use bacalhau_protocol::{Accept, Message, PROTOCOL_VERSION, Versions};

impl Shard<'_> {
    /// A bid for the shard. If it is not needed, it is rejected at once, so that its capacity is released.
    pub(super) fn bid(&mut self, from: PeerId, versions: &Versions, operator: Option<&Operator>) {
        let known = self.record.bids.iter().position(|bid| bid.peer == from);
        match known.map(|at| &self.record.bids[at]) {
            // Before the first draw it was taken back by its bidder, which may offer again, once in a while.
            Some(bid) if bid.accepted == Some(false) && !self.was_drawn() && self.is_old(bid) => {}
            Some(bid) if bid.accepted == Some(false) => return self.out.reject(from, self.number),
            Some(bid) if bid.accepted.is_some() && self.may_run_again(&from) => {}
            Some(bid) if bid.accepted.is_some() || self.stands_still(bid) => return,
            _ => {}
        }
        // The operator of a bidder never changes, so that draws can be repeated.
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
        // Bidders of a fair draw are hidden until the set is fixed.
        let who = (!self.is_fair()).then_some(from);
        self.happened_by(EventKind::Bid, None, who, text);
    }

    /// A provider withdraws its bid. If it was accepted meanwhile, the execution has failed.
    pub(super) fn withdraw(&mut self, from: &PeerId, why: &str) {
        let open = self.record.bids.iter_mut().find(|bid| bid.peer == *from && bid.accepted.is_none());
        if let Some(bid) = open {
            bid.accepted = Some(false);
            self.out.changed = true;
        }
        let mut executions = self.record.executions.iter();
        let accepted = executions.find(|it| it.peer == *from && it.state == ExecutionState::Accepted);
        if let Some(number) = accepted.map(|it| it.number) {
            self.fail(number, Some(FailureKind::Withdrawn), why);
        }
    }

    /// Assigns executions to bidders up to the deal's concurrency.
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

    /// Fails the shard after the bidding time, unless its running executions have decided it.
    pub(super) fn lapse(&mut self) {
        let in_time = self.now.ms < self.gives_up_ms || self.has_its_executions() || self.drawing;
        if in_time || self.is_judged() || self.watch.decided_ms.is_some() {
            return;
        }
        if self.queued || self.is_full_elsewhere {
            return self.give_up(self.queue_time_out());
        }
        let seconds = self.job.bidding_ms / 1000;
        self.give_up(if self.record.executions.is_empty() {
            let fewer = if self.is_fair() { self.fewer(self.record.bids.len()) } else { String::new() };
            format!("{} after {seconds} s: {}{fewer}", self.bids_in_words(), self.too_few())
        } else {
            let (placed, wanted) = (self.begun(), self.concurrency());
            let bids = self.operators_in_words().map(|bids| format!(" ({bids})")).unwrap_or_default();
            let fewer = self.fewer(placed);
            format!("accepted {placed}/{wanted}{bids} after {seconds} s: {}{fewer}", self.too_few())
        });
    }

    /// What the client can do where only so many runs are possible.
    fn fewer(&self, runs: usize) -> String {
        match runs {
            2.. if runs < self.concurrency() => format!("; ask for fewer runs with -c or --min-runs {runs}"),
            1 if self.deal().concurrency() > 1 => "; ask for fewer runs with -c".into(),
            _ => String::new(),
        }
    }

    /// The error for too few bids, with reasons of declines.
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
        declines_in_words(self.declines.values().map(|declined| declined.reason))
    }

    /// The executions that were not given back.
    pub(super) fn taken_executions(&self) -> Vec<ExecutionRecord> {
        self.record.executions.iter().filter(|it| !is_given_back(self.job, it)).cloned().collect()
    }

    fn draw(&mut self, vacant: usize) {
        let Ok(round) = u16::try_from(self.record.draws.len() + 1) else { return };
        let bidders: Vec<PeerId> = self.record.bids.iter().map(|bid| bid.peer).collect();
        let order = draw(&self.job.id, self.number, round, &bidders);
        let taken = self.taken_executions();
        let open = one_of_each(&order, &self.record.bids, &taken, |peer| self.is_open(peer));
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

    /// The accept message of an execution.
    pub(super) fn acceptance(&self, number: u16) -> Message {
        Message::Accept(Accept::new(self.id(number), self.now.config.silence_ms))
    }

    /// Rejects all open bids.
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
        let profile = self.job.spec().engine.profile();
        versions.protocol == PROTOCOL_VERSION && versions.profiles.contains(&profile)
    }

    /// Whether another bid is of any use: always before the first draw, and after it as long as there are fewer reserves
    /// than executions may still be begun.
    fn wants_bids(&self) -> bool {
        let in_time = self.now.ms < self.gives_up_ms || self.has_its_executions();
        !self.is_judged() && in_time && (self.record.executions.is_empty() || self.offering() < self.spare())
    }

    /// Whether as many executions as the deal needs were started, regardless of their outcome. Where it accepts fewer,
    /// they are enough after the bidding time.
    pub(super) fn has_its_executions(&self) -> bool {
        let is_over = self.now.ms >= self.gives_up_ms;
        let needed = if is_over { self.deal().min_runs() } else { self.deal().concurrency() };
        self.begun() >= usize::from(needed) || self.spare() == 0
    }

    /// Executions that were begun. One whose provider gave it back is looked for again.
    fn begun(&self) -> usize {
        self.record.executions.iter().filter(|it| !is_given_back(self.job, it)).count()
    }

    /// Whether `peer` gave its execution back, so that it may bid again.
    fn may_run_again(&self, peer: &PeerId) -> bool {
        let mut own = self.record.executions.iter().filter(|it| it.peer == *peer).peekable();
        own.peek().is_some() && own.all(|it| is_given_back(self.job, it))
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

    /// Whether a bid is open, and its bidder may still keep room for it.
    pub(super) fn stands_still(&self, bid: &BidRecord) -> bool {
        // A fair draw may be made a little after the end of bidding.
        let in_this_try = bid.at_ms.saturating_add(self.job.bidding_ms) >= self.bidding_until;
        bid.accepted.is_none() && (!self.is_old(bid) || self.record.executions.is_empty() && in_this_try)
    }

    fn was_drawn(&self) -> bool {
        self.draws > 0 || !self.record.draws.is_empty()
    }

    fn is_old(&self, bid: &BidRecord) -> bool {
        self.now.ms.saturating_sub(bid.at_ms) >= self.job.bidding_ms
    }

    /// The job waits in the queue: open bids are given back, so that their capacity serves others, and may be made again.
    pub(super) fn give_back_bids(&mut self) {
        if !self.record.draws.is_empty() {
            return;
        }
        for bid in self.record.bids.extract_if(.., |bid| bid.accepted.is_none()) {
            self.out.reject(bid.peer, self.number);
            self.out.changed = true;
        }
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

/// Whether a provider gave an execution back before it ran: its offer had lapsed, and its capacity was in use, or it does
/// not know the offer any more. A provider of a private job learns the inputs after its bid, and does not get it again.
pub(super) fn is_given_back(job: &AnnouncedJob, execution: &ExecutionRecord) -> bool {
    let withdrawn = execution.memo.failure == Some(FailureKind::Withdrawn);
    execution.state == ExecutionState::Failed && withdrawn && !job.spec().private
}
