//! Which peer is asked for which block, when it is asked again, and when there is nobody left to ask: a state machine
//! without a clock, threads or network. Every call returns what is to be sent and who is to be answered.
//!
//! With one peer it is asked for the block itself. With several the most promising one is, and the others are asked
//! whether they have it, so that it is known who is next. A peer that sends nothing for a while loses its wants to the
//! others; when all have said no, the answer is no at once.

mod choice;
mod past;
mod peer;
mod step;
mod want;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;

use super::config::Config;
use super::message::{Kind, Presence};
use super::pulse::Pulse;
use bacalhau_cas::{Cid, DataError, Hash};
use bacalhau_exchange::Answers;
use choice::Choice;
use past::Past;
use peer::Peer;
pub(super) use step::{Answer, Step};
use want::{Said, Want};

/// Failed connections that are remembered.
const MOST_UNREACHED: usize = 8;

/// Blocks are one by their hash, whatever version and codec their CID has.
type Key = Hash;

/// See the module.
#[derive(Debug)]
pub(super) struct Session {
    patience: Duration,
    reask: Duration,
    comeback: Duration,
    /// Until when a peer that was lost may come back.
    hope_until: Option<Instant>,
    window_bytes: u64,
    peers: BTreeMap<PeerId, Peer>,
    wants: HashMap<Key, Want>,
    /// Those that nobody is asked for, by arrival.
    queue: BTreeMap<u64, Key>,
    next: u64,
    /// What was wanted before: it may still come, and that is no fault.
    past: Past,
    /// Why nothing will come any more.
    closed: Option<&'static str>,
    /// Why some were never connected: the last few addresses, and what happened there.
    unreached: VecDeque<String>,
}

impl Session {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            patience: config.patience,
            reask: config.reask,
            comeback: config.comeback,
            hope_until: None,
            window_bytes: config.window_bytes,
            peers: BTreeMap::new(),
            wants: HashMap::new(),
            queue: BTreeMap::new(),
            next: 0,
            past: Past::default(),
            closed: None,
            unreached: VecDeque::new(),
        }
    }

    /// Whether anybody waits.
    pub(super) fn is_idle(&self) -> bool {
        self.wants.is_empty()
    }

    pub(super) fn want(&mut self, cids: &[Cid], answers: &Answers, step: &mut Step) {
        for cid in cids {
            let key = *cid.hash();
            if let Some(want) = self.wants.get_mut(&key) {
                want.waiters.push((*cid, answers.clone()));
                continue;
            }
            self.wants.insert(key, Want::new(self.next, step.now, *cid, answers.clone()));
            self.queue.insert(self.next, key);
            self.next += 1;
        }
        self.schedule(step);
    }

    pub(super) fn cancel(&mut self, cids: &[Cid], step: &mut Step) {
        for cid in cids {
            if let Some(want) = self.take(cid.hash()) {
                self.call_off(&want, None, step);
            }
        }
        self.schedule(step);
    }

    pub(super) fn peer_up(&mut self, id: PeerId, pulse: Arc<Pulse>, step: &mut Step) {
        self.peers.insert(id, Peer::new(pulse));
        self.wants.values_mut().for_each(|want| drop(want.said.remove(&id)));
        self.schedule(step);
    }

    /// There is no connection to `id` any more; it may come back, unless we have thrown it out.
    pub(super) fn peer_down(&mut self, id: PeerId, thrown_out: bool, step: &mut Step) {
        if self.peers.remove(&id).is_some() {
            self.release_all(id, || Said::Gone("the connection was lost".into()));
            if !thrown_out {
                self.hope(step.now);
            }
        }
        self.schedule(step);
    }

    /// Somebody may be back soon.
    fn hope(&mut self, now: Instant) {
        self.hope_until = Some(now + self.comeback);
    }

    /// Nothing can be sent to `id`. Where that is because it is gone, it may come back.
    pub(super) fn peer_failed(&mut self, id: PeerId, why: &str, gone: bool, step: &mut Step) {
        if gone {
            self.hope(step.now);
        }
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.failed = Some(why.into());
            peer.in_flight = 0;
            self.release_all(id, || Said::Gone(why.into()));
        }
        self.schedule(step);
    }

    /// Somebody cannot be reached.
    pub(super) fn dial_failed(&mut self, why: String) {
        self.unreached.truncate(MOST_UNREACHED - 1);
        self.unreached.push_front(why);
    }

    /// Somebody may be less to be hoped for than before, or time has passed.
    pub(super) fn look_again(&mut self, step: &mut Step) {
        self.schedule(step);
    }

    /// Answers everybody, now and from now on.
    pub(super) fn close(&mut self, why: &'static str, step: &mut Step) {
        self.closed = Some(why);
        let keys: Vec<_> = self.wants.keys().copied().collect();
        for key in &keys {
            self.fail(key, step);
        }
    }

    /// Takes what a peer sent: blocks by the hash that their bytes have. Says how many bytes nobody asked for.
    pub(super) fn received(
        &mut self,
        id: PeerId,
        blocks: Vec<(Key, Bytes)>,
        presences: &[Presence],
        step: &mut Step,
    ) -> Received {
        let mut received = Received::default();
        for (key, bytes) in blocks {
            received.bytes += bytes.len() as u64;
            match self.take(&key) {
                Some(want) => {
                    received.wanted += 1;
                    self.arrived(id, want, &bytes, step);
                }
                None if self.past.holds(&key) => {
                    received.late += 1;
                    received.late_bytes += bytes.len() as u64;
                    if let Some(peer) = self.peers.get_mut(&id) {
                        peer.resends = true;
                    }
                }
                None => {
                    received.unasked += 1;
                    received.unasked_bytes += bytes.len() as u64;
                }
            }
        }
        for presence in presences {
            self.heard(id, *presence, step.now);
        }
        self.schedule(step);
        received
    }

    fn arrived(&mut self, id: PeerId, want: Want, bytes: &Bytes, step: &mut Step) {
        self.call_off(&want, Some(id), step);
        if let Some(peer) = self.peers.get_mut(&id) {
            let asked = want.asked.filter(|(asked, _)| *asked == id).map(|(_, at)| at);
            peer.delivered(bytes.len(), asked, step.now);
        }
        step.answers.extend(want.waiters.into_iter().map(|(cid, answers)| {
            let result = Ok(bytes.clone());
            Answer { answers, cid, result }
        }));
    }

    fn heard(&mut self, id: PeerId, presence: Presence, now: Instant) {
        let key = *presence.cid.hash();
        let Some(want) = self.wants.get_mut(&key) else { return };
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !want.said.contains_key(&id) && want.asked.is_none_or(|(asked, _)| asked != id) {
            return;
        }
        peer.mute = false;
        if presence.have {
            want.said.insert(id, Said::Have);
        } else {
            want.said.insert(id, Said::DontHave);
            if want.asked.is_some_and(|(asked, _)| asked == id) {
                peer.missed(now);
                self.release(&key);
            }
        }
    }

    /// Takes wants away from peers that do not move, and gives up those that have waited for long enough.
    pub(super) fn tick(&mut self, step: &mut Step) {
        let keys: Vec<_> = self.wants.keys().copied().collect();
        for key in keys {
            let Some(want) = self.wants.get(&key) else { continue };
            if self.is_over(want, step.now) {
                self.fail(&key, step);
            } else if let Some((id, at)) = want.asked {
                let Some(peer) = self.peers.get_mut(&id) else { continue };
                if peer.is_stalled(at, self.reask, step.now) {
                    peer.stalls();
                    self.release(&key);
                    if let Some(want) = self.wants.get_mut(&key) {
                        want.said.insert(id, Said::Silent);
                        want.taken_from = Some(id);
                    }
                }
            }
        }
        self.schedule(step);
    }

    /// Whether `want` has waited for longer than anybody's patience. The time in which it waits behind others, which do
    /// arrive, does not count.
    fn is_over(&self, want: &Want, now: Instant) -> bool {
        let hopeless = self.peers.values().all(|peer| peer.mute || peer.failed.is_some());
        let since = want.first_asked.or(hopeless.then_some(want.since));
        since.is_some_and(|since| now.saturating_duration_since(since) >= self.patience)
    }

    /// Ends a want.
    fn take(&mut self, key: &Key) -> Option<Want> {
        let want = self.wants.remove(key)?;
        self.past.add(*key);
        self.queue.remove(&want.order);
        if let Some(peer) = want.asked.and_then(|(id, _)| self.peers.get_mut(&id)) {
            peer.in_flight = peer.in_flight.saturating_sub(1);
        }
        Some(want)
    }

    /// Puts a want that was asked of somebody back into the queue.
    fn release(&mut self, key: &Key) {
        let Some(want) = self.wants.get_mut(key) else { return };
        if let Some((id, _)) = want.asked.take() {
            self.queue.insert(want.order, *key);
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.in_flight = peer.in_flight.saturating_sub(1);
            }
        }
    }

    fn release_all(&mut self, id: PeerId, said: impl Fn() -> Said) {
        for (key, want) in &mut self.wants {
            let was_asked = want.asked.is_some_and(|(asked, _)| asked == id);
            if was_asked {
                want.asked = None;
                self.queue.insert(want.order, *key);
            }
            if was_asked || want.said.contains_key(&id) {
                want.said.insert(id, said());
            }
        }
    }

    /// Tells everybody who was asked for `want`, but `except`, that it is no longer wanted.
    fn call_off(&self, want: &Want, except: Option<PeerId>, step: &mut Step) {
        let asked = want.asked.iter().map(|(id, _)| id);
        let told = want.said.iter().filter(|(_, said)| said.may_hold()).map(|(id, _)| id);
        let mut ids: Vec<_> = asked.chain(told).filter(|id| Some(**id) != except).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids.into_iter().filter(|id| self.peers.contains_key(id)) {
            step.send(*id, want.cid(), Kind::Cancel);
        }
    }

    /// Answers that there is nothing.
    fn fail(&mut self, key: &Key, step: &mut Step) {
        let Some(want) = self.take(key) else { return };
        self.call_off(&want, None, step);
        let why = self.closed.map_or_else(|| want.why(&self.peers, &self.unreached, step.now), Into::into);
        step.answers.extend(want.waiters.into_iter().map(|(cid, answers)| {
            let result = Err(DataError::missing(&cid, why.clone()));
            Answer { answers, cid, result }
        }));
    }

    /// Asks for what is in the queue, as far as windows go.
    fn schedule(&mut self, step: &mut Step) {
        self.peers.values_mut().for_each(|peer| peer.open(self.window_bytes, self.patience));
        let mut after = 0;
        while let Some((&order, &key)) = self.queue.range(after..).next() {
            after = order + 1;
            let Some(want) = self.wants.get(&key) else { continue };
            match if self.closed.is_some() { Choice::Nobody } else { choice::choose(want, &self.peers) } {
                Choice::Ask(id) => self.ask(&key, id, step),
                Choice::Later if self.peers.values().all(|peer| !peer.has_room()) => break,
                Choice::Later => {}
                Choice::Nobody if self.closed.is_none() && (step.dialing || self.hopes(step.now)) => {}
                Choice::Nobody => self.fail(&key, step),
            }
        }
        self.hold(step);
    }

    fn hopes(&self, now: Instant) -> bool {
        self.hope_until.is_some_and(|until| now < until)
    }

    /// Keeps back what would make a peer send all again that it is sending.
    fn hold(&mut self, step: &mut Step) {
        for (id, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.resends) {
            let mut entries = step.wants.remove(id).unwrap_or_default();
            let asked = entries.iter().filter(|entry| entry.kind == Kind::Block).count();
            peer.held.append(&mut entries);
            if peer.in_flight <= asked && !peer.held.is_empty() {
                step.wants.insert(*id, std::mem::take(&mut peer.held));
            }
        }
    }

    fn ask(&mut self, key: &Key, id: PeerId, step: &mut Step) {
        let (Some(want), Some(peer)) = (self.wants.get_mut(key), self.peers.get_mut(&id)) else { return };
        self.queue.remove(&want.order);
        peer.is_asked();
        want.asked = Some((id, step.now));
        want.first_asked.get_or_insert(step.now);
        let cid = want.cid();
        step.send(id, cid, Kind::Block);
        if let Some(before) = want.taken_from.take().filter(|before| *before != id) {
            step.send(before, cid, Kind::Cancel);
        }
        for (other, peer) in &self.peers {
            if *other != id && peer.failed.is_none() && !want.said.contains_key(other) {
                want.said.insert(*other, Said::Probed);
                step.send(*other, cid, Kind::Have);
            }
        }
    }
}

/// What came of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// Bytes of all blocks.
    pub(super) bytes: u64,
    /// Blocks that somebody waited for.
    pub(super) wanted: u64,
    /// Blocks that somebody had waited for.
    pub(super) late: u64,
    /// Their bytes.
    pub(super) late_bytes: u64,
    /// Blocks that nobody asked for, or that are corrupt: a corrupt block is one with another hash.
    pub(super) unasked: u64,
    /// Their bytes.
    pub(super) unasked_bytes: u64,
}

#[cfg(test)]
mod tests;
