//! Fair draws of a job: bidding closes at announced times, the set of bidders is signed and sent to them, and the draw
//! is made when its randomness is known. A draw covers all shards with enough bids; further draws follow for the others
//! and for replacements.

use crate::Task;
use std::collections::{BTreeMap, BTreeSet};

use libp2p_identity::PeerId;

use super::active_job::{ActiveJob, StepContext};
use super::effects::Effects;
use super::machine::Due;
use super::shard::{bounded, short};
use super::{Effect, Requester, RequesterConfig};
use bacalhau_job::{
    BeaconChain, BeaconRound, BidReceipt, Commitment, EventKind, FairBidder, FairRound, Hash256, JobId, Randomness,
    Revealed, Secrets, SetEntry, ShardRuns, SignedCommitment, draw::MAX_ROUNDS,
};
use bacalhau_protocol::{Bid, Committed, Message, Reveal};
use bacalhau_values::hex::Hex;
use bacalhau_verify::{Seal, SealError};

/// Nodes that may bid for a job with a fair draw, at most.
const MOST_BIDDERS: usize = 4096;
/// Excluded bidders that a sentence names; of the others it has the number.
const NAMED: usize = 3;
/// Delay after a beacon round's time before it is requested.
pub(super) const PUBLISHED_MS: u64 = 300;
/// Time for all bidders to receive the commitment: the beacon round is later than that.
pub(super) const MARGIN_MS: u64 = 1_000;
/// Pause before a failed beacon request is repeated.
pub(super) const ASK_AGAIN_MS: u64 = 1_000;
/// How long a round of the beacon is waited for, from its time on.
pub(super) const BEACON_MS: u64 = 20_000;

/// Timers of a job's fair draws. Not persisted: they restart with the process.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// When the bidding closes next; absent where no shard waits for that.
    pub(super) closes_ms: Option<u64>,
    /// Since when the randomness of the pending draw is waited for.
    since_ms: u64,
    /// When to request the beacon; `None` during a request, and for draws by secrets.
    asks_ms: Option<u64>,
    /// Why the beacon did not answer.
    problem: Option<String>,
    /// Time of the armed timer.
    armed: Option<u64>,
    /// Bidders that revealed something else than they were bound to.
    wrong: BTreeSet<PeerId>,
    /// Shards that lack executions.
    pub(super) needy: usize,
}

/// A due step of a job's draws.
enum Step {
    Close,
    Ask(u64),
    Draw,
    Wait,
}

impl Closing {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { since_ms: now_ms, ..Self::default() }
    }

    /// This node was blocked for some time: queued messages come first.
    pub(super) fn held_up(&mut self, ms: u64) {
        self.since_ms = self.since_ms.saturating_add(ms);
        self.closes_ms = self.closes_ms.map(|closes| closes.saturating_add(ms));
    }
}

impl ActiveJob {
    /// Whether bidding is about to close, or a draw is pending; shards do not fail before that.
    pub(super) fn is_drawing(&self, now_ms: u64) -> bool {
        self.pending().is_some() || self.closing.closes_ms.is_some_and(|closes| closes <= now_ms)
    }

    /// The number of the next draw; absent where there were as many as may be.
    fn next_round(&self) -> Option<u16> {
        let rounds = self.record.fair.as_ref()?.rounds.len();
        u16::try_from(rounds + 1).ok().filter(|round| *round <= MAX_ROUNDS)
    }

    fn pending(&self) -> Option<&FairRound> {
        self.record.fair.as_ref()?.pending()
    }

    /// Until when the randomness of a pending draw is waited for.
    fn patience_ms(&self, config: &RequesterConfig) -> u64 {
        match self.beacon_ms() {
            Some(at) => at.max(self.closing.since_ms).saturating_add(BEACON_MS),
            None => self.closing.since_ms.saturating_add(config.reveal_ms),
        }
    }

    /// When to check a pending draw next.
    fn look_ms(&self, config: &RequesterConfig) -> u64 {
        let patience = self.patience_ms(config);
        self.closing.asks_ms.map_or(patience, |asks| asks.min(patience))
    }

    /// Schedules the beacon request of a pending draw.
    fn arm_beacon(&mut self, now_ms: u64) {
        self.closing.asks_ms = self.beacon_ms().map(|at| at.saturating_add(PUBLISHED_MS).max(now_ms));
    }

    /// When the round of the beacon is signed that a pending draw waits for.
    fn beacon_ms(&self) -> Option<u64> {
        let chain = self.record.fair.as_ref()?.chain.as_ref()?;
        self.pending().and_then(FairRound::beacon_round).map(|round| chain.time_ms(round))
    }

    fn step(&mut self, now: StepContext<'_>) -> Step {
        if self.record.state.is_final() {
            self.closing.closes_ms = None;
            return Step::Wait;
        }
        if let Some(round) = self.pending() {
            if let Some(beacon) = round.beacon_round() {
                let known = round.beacon.is_some() || now.ms >= self.patience_ms(now.config);
                return match self.closing.asks_ms {
                    _ if known => Step::Draw,
                    Some(asks) if asks <= now.ms => Step::Ask(beacon),
                    _ => Step::Wait,
                };
            }
            let complete = round.reveals.len() + self.closing.wrong.len() == round.set.len();
            return if complete || now.ms >= self.patience_ms(now.config) { Step::Draw } else { Step::Wait };
        }
        if self.closing.closes_ms.is_none() && self.closing.needy > 0 {
            self.closing.closes_ms = self.next_closing(now);
        }
        if self.closing.closes_ms.is_some_and(|closes| closes <= now.ms) { Step::Close } else { Step::Wait }
    }

    /// When bidding closes next: at once where bids are open for an execution that is to be replaced.
    fn next_closing(&mut self, now: StepContext<'_>) -> Option<u64> {
        self.next_round()?;
        let window_ms = self.record.job.fair.as_ref()?.window_ms;
        let mut until_ms = None;
        for number in self.numbers() {
            let mut out = Effects::default();
            let Some(shard) = self.shard(number, now, &mut out) else { continue };
            if !shard.is_needy() {
                continue;
            }
            if shard.has_its_executions() && shard.is_eligible() {
                return Some(now.ms);
            }
            until_ms = until_ms.max(Some(shard.bids_until()));
        }
        until_ms.filter(|until| *until > now.ms).map(|until| until.min(now.ms.saturating_add(window_ms)))
    }

    /// The shards that have enough open bids, as many as one draw may be for, and the set of bidders.
    fn set(&mut self, now: StepContext<'_>) -> (ShardRuns, Vec<SetEntry>) {
        let mut eligible = Vec::new();
        for number in self.numbers() {
            let mut out = Effects::default();
            if self.shard(number, now, &mut out).is_some_and(|shard| shard.is_needy() && shard.is_eligible()) {
                eligible.push(number);
            }
        }
        let shards = ShardRuns::of(eligible.iter().copied());
        let mut offers: BTreeMap<PeerId, Vec<u32>> = BTreeMap::new();
        for number in eligible.into_iter().filter(|number| shards.contains(*number)) {
            let mut out = Effects::default();
            let Some(shard) = self.shard(number, now, &mut out) else { continue };
            for peer in shard.open_bidders() {
                offers.entry(peer).or_default().push(number);
            }
        }
        let bidders = self.record.fair.iter().flat_map(|fair| &fair.bidders);
        let mut set: Vec<SetEntry> = bidders
            .filter_map(|bidder| {
                let shards = ShardRuns::of(offers.get(&bidder.peer)?.iter().copied());
                Some(SetEntry { peer: bidder.peer, shards, commit: bidder.commit })
            })
            .collect();
        set.sort_by_key(|entry| entry.peer.to_bytes());
        (shards, set)
    }

    /// Records the commitment of a bidder. Returns whether its bid counts.
    pub(super) fn binds(&mut self, now_ms: u64, from: PeerId, bid: &Bid) -> bool {
        let Some(fair) = &mut self.record.fair else { return true };
        let Some(commit) = bid.commit else { return false };
        match fair.bidders.iter().find(|bidder| bidder.peer == from) {
            Some(bidder) => bidder.commit == commit,
            None if fair.bidders.len() >= MOST_BIDDERS => false,
            None => {
                fair.bidders.push(FairBidder { peer: from, commit, received_ms: now_ms });
                true
            }
        }
    }

    /// The receipt for a bid, if it counts for one of these shards.
    pub(super) fn receipt(&self, seal: &dyn Seal, from: &PeerId, shards: &[u32]) -> Option<Message> {
        let fair = self.record.fair.as_ref()?;
        let job = self.record.job.id;
        let bids = |shard: &u32| {
            let shard = usize::try_from(*shard).ok().and_then(|shard| self.record.shards.get(shard));
            shard.is_some_and(|shard| shard.bids.iter().any(|bid| bid.peer == *from && bid.accepted != Some(false)))
        };
        if !shards.iter().any(bids) {
            return None;
        }
        let FairBidder { commit, received_ms, .. } = *fair.bidders.iter().find(|bidder| bidder.peer == *from)?;
        let signature = seal.sign(&BidReceipt::text(&job, from, &commit, received_ms)).ok()?;
        let signature = Hex(&signature).to_string();
        Some(Message::Receipt(BidReceipt { job, bidder: *from, commit, received_ms, signature }))
    }

    /// A bidder reveals its secret for the pending draw. Returns whether anything changed, and what is wrong.
    fn reveal(&mut self, from: PeerId, reveal: Reveal) -> (bool, Option<String>) {
        let pending = self.record.fair.as_mut().and_then(|fair| fair.rounds.last_mut());
        let pending = pending.filter(|round| round.drawn_ms.is_none());
        let Some(round) = pending.filter(|round| round.signed.commitment.round == reveal.round) else {
            return (false, None);
        };
        let Some(entry) = round.entry(&from) else { return (false, None) };
        if round.takes_part(&from) || self.closing.wrong.contains(&from) {
            return (false, None);
        }
        if !reveal.secret.is_of(&entry.commit, reveal.round) {
            self.closing.wrong.insert(from);
            let why =
                format!("draw {}: {} revealed something else than its bid commits to", reveal.round, short(&from));
            return (true, Some(why));
        }
        let place = round.reveals.partition_point(|other| other.peer.to_bytes() < from.to_bytes());
        round.reveals.insert(place, Revealed { peer: from, secret: reveal.secret });
        (true, None)
    }

    /// The commitment messages to bidders of the pending draw without a revealed secret.
    fn commitments(&self) -> Vec<Effect> {
        let Some(round) = self.pending() else { return Vec::new() };
        let tree = FairRound::tree(&round.set);
        let committed = |(place, entry): (u32, &SetEntry)| Committed {
            signed: round.signed.clone(),
            place,
            shards: entry.shards.clone(),
            path: usize::try_from(place).map(|place| tree.path(place)).unwrap_or_default(),
        };
        let silent = (0..).zip(&round.set).filter(|(_, entry)| !round.reveals.iter().any(|it| it.peer == entry.peer));
        let send = |(place, entry): (u32, &SetEntry)| Effect::Send {
            to: entry.peer,
            message: Message::Committed(committed((place, entry))),
        };
        silent.map(send).collect()
    }
}

impl Requester {
    /// The secrets of this node for the draws of a job.
    pub(super) fn secrets(&self, job: &JobId) -> Result<Secrets, SealError> {
        Ok(Secrets::new(&self.seal.sign(&Secrets::of_requester(job))?))
    }

    /// Repeats commitments that may not have arrived.
    pub(super) fn resume_draw(&mut self, now_ms: u64, job: &JobId) -> Vec<Effect> {
        let Some(live) = self.jobs.get_mut(job) else { return Vec::new() };
        live.arm_beacon(now_ms);
        live.commitments()
    }

    /// Applies the answer of the beacon.
    pub(super) fn beacon(
        &mut self,
        now_ms: u64,
        job: JobId,
        round: u64,
        result: Result<String, String>,
    ) -> Vec<Effect> {
        let audited = result.clone();
        let Some(live) = self.jobs.get_mut(&job) else { return Vec::new() };
        let pending = live.record.fair.as_mut().and_then(|fair| fair.rounds.last_mut());
        let pending = pending.filter(|pending| pending.drawn_ms.is_none() && pending.beacon_round() == Some(round));
        if let Some(pending) = pending {
            match result {
                Ok(signature) => {
                    pending.beacon = Some(BeaconRound { round, signature });
                    self.changes.jobs.insert(job);
                }
                Err(why) => {
                    live.closing.problem = Some(bounded(&why));
                    live.closing.asks_ms = Some(now_ms.saturating_add(ASK_AGAIN_MS));
                }
            }
        }
        let shards = self.jobs.get(&job).map(ActiveJob::numbers).unwrap_or_default();
        self.work(now_ms, job, &shards, "", |shard| shard.audit_by(round, &audited))
    }

    pub(super) fn revealed(&mut self, now_ms: u64, from: PeerId, reveal: Reveal) -> Vec<Effect> {
        let job = reveal.job;
        let Some(live) = self.jobs.get_mut(&job) else { return Vec::new() };
        let (changed, wrong) = live.reveal(from, reveal);
        if changed {
            self.changes.jobs.insert(job);
        }
        if let Some(why) = wrong {
            self.event(now_ms, job, EventKind::Draw, why);
        }
        self.draw_fairly(now_ms, job)
    }

    /// Advances the fair draws of a job by time and known randomness.
    pub(super) fn draw_fairly(&mut self, now_ms: u64, job: JobId) -> Vec<Effect> {
        let mut effects = Vec::new();
        loop {
            let Some(live) = self.jobs.get_mut(&job).filter(|live| live.record.fair.is_some()) else { return effects };
            let now = StepContext { ms: now_ms, me: self.me, config: &self.config, seal: self.seal.as_ref() };
            match live.step(now) {
                Step::Close => effects.extend(self.close(now_ms, job)),
                Step::Ask(round) => {
                    live.closing.asks_ms = None;
                    effects.push(Effect::Task(Task::Beacon { job, round }));
                }
                Step::Draw => effects.extend(self.make_draw(now_ms, job)),
                Step::Wait => break,
            }
        }
        if let Some(live) = self.jobs.get_mut(&job) {
            let is_final = live.record.state.is_final();
            let pending = live.pending().map(|_| live.look_ms(&self.config));
            let due = pending.or(live.closing.closes_ms).filter(|_| !is_final);
            let armed = std::mem::replace(&mut live.closing.armed, due);
            if armed != due {
                self.times.extend(due.map(|due| (due, job, Due::Draw)));
                if let Some(armed) = armed {
                    self.times.remove(&(armed, job, Due::Draw));
                }
            }
        }
        effects
    }

    /// Closes bidding: fixes the set if a shard has enough bids; otherwise bidding continues while time allows.
    fn close(&mut self, now_ms: u64, job: JobId) -> Vec<Effect> {
        let Some(live) = self.jobs.get_mut(&job) else { return Vec::new() };
        let now = StepContext { ms: now_ms, me: self.me, config: &self.config, seal: self.seal.as_ref() };
        live.closing.closes_ms = None;
        let (shards, set) = live.set(now);
        let Some(round) = live.next_round().filter(|_| !set.is_empty()) else {
            live.closing.closes_ms = live.next_closing(now).filter(|next| *next > now_ms);
            let over = live.closing.closes_ms.is_none();
            let shards = live.numbers();
            return if over { self.steps(now_ms, job, &shards, "", |_| {}) } else { Vec::new() };
        };
        let commitment = Commitment {
            job,
            round,
            shards,
            bidders: u32::try_from(set.len()).unwrap_or(u32::MAX),
            root: FairRound::tree(&set).root(),
            commit: live.record.job.fair.as_ref().map_or(Hash256::from([0; 32]), |fair| fair.commit),
            at_ms: now_ms,
            randomness: randomness(live.record.fair.as_ref().and_then(|fair| fair.chain.as_ref()), now_ms),
        };
        let signature = match self.seal.sign(&commitment.text()) {
            Ok(signature) => Hex(&signature).to_string(),
            Err(error) => return self.cannot_draw(now_ms, job, &error),
        };
        let signed = SignedCommitment { commitment, signature };
        live.closing.since_ms = now_ms;
        live.closing.wrong.clear();
        let count = set.len();
        let fair = live.record.fair.get_or_insert_default();
        fair.rounds.push(FairRound { signed, set, secret: None, reveals: Vec::new(), beacon: None, drawn_ms: None });
        live.arm_beacon(now_ms);
        let effects = live.commitments();
        self.event(now_ms, job, EventKind::Draw, format!("draw {round}: bidding closed with {count} bidders"));
        effects
    }

    /// Makes the draw with known randomness, excluding bidders that have not revealed.
    fn make_draw(&mut self, now_ms: u64, job: JobId) -> Vec<Effect> {
        let secrets = match self.secrets(&job) {
            Ok(secrets) => secrets,
            Err(error) => return self.cannot_draw(now_ms, job, &error),
        };
        let Some(live) = self.jobs.get_mut(&job) else { return Vec::new() };
        let pending = live.record.fair.as_mut().and_then(|fair| fair.rounds.last_mut());
        let Some(round) = pending else { return Vec::new() };
        let number = round.signed.commitment.round;
        round.secret = secrets.reveal(number).filter(|_| round.beacon_round().is_none());
        round.drawn_ms = Some(now_ms);
        let excluded: BTreeSet<PeerId> =
            round.set.iter().map(|entry| entry.peer).filter(|peer| !round.takes_part(peer)).collect();
        let drawn = round.clone();
        let shards = live.numbers();
        if let (Some(beacon), None) = (drawn.beacon_round(), &drawn.beacon) {
            let problem = live.closing.problem.take().unwrap_or_else(|| "it does not answer".into());
            let why = format!("the draw waits for round {beacon} of the beacon, which cannot be had: {problem}");
            return self.give_up_draw(now_ms, job, &shards, &why);
        }
        let text = format!("draw {number}: {}", drawn_in_words(&drawn, &excluded));
        self.event(now_ms, job, EventKind::Draw, text);
        self.steps(now_ms, job, &shards, "", |shard| {
            shard.exclude(&excluded);
            shard.draw_fairly(&drawn);
        })
    }

    /// Fails a job whose draws this node cannot sign.
    pub(super) fn cannot_draw(&mut self, now_ms: u64, job: JobId, error: &SealError) -> Vec<Effect> {
        let shards = self.jobs.get(&job).map(ActiveJob::numbers).unwrap_or_default();
        self.give_up_draw(now_ms, job, &shards, &format!("the draw cannot be made: {error}"))
    }

    fn give_up_draw(&mut self, now_ms: u64, job: JobId, shards: &[u32], why: &str) -> Vec<Effect> {
        self.steps(now_ms, job, shards, "", |shard| {
            if shard.is_needy() {
                shard.give_up(why.into());
            }
        })
    }
}

/// The source of randomness for a commitment made now.
fn randomness(chain: Option<&BeaconChain>, now_ms: u64) -> Randomness {
    chain.map_or(Randomness::Reveal, |chain| Randomness::Beacon {
        chain: chain.hash(),
        round: chain.round_after(now_ms.saturating_add(MARGIN_MS)),
    })
}

fn drawn_in_words(round: &FairRound, excluded: &BTreeSet<PeerId>) -> String {
    if let Some(beacon) = round.beacon_round() {
        return format!("round {beacon} of the beacon decides among {} bidders", round.set.len());
    }
    let (all, revealed) = (round.set.len(), round.set.len() - excluded.len());
    let mut text = format!("{revealed} of {all} bidders revealed their secrets");
    if !excluded.is_empty() {
        let named: Vec<String> = excluded.iter().take(NAMED).map(short).collect();
        let more = excluded.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text = format!("{text}; excluded: {}{more}", named.join(", "));
    }
    text
}
