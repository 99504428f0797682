//! Session: which peer is asked for which block, when to ask again, and when to fail. A state machine without clock,
//! threads or network: every call returns messages to send and callers to answer.
//!
//! A single peer is asked for the block itself. Of several peers, the most promising one is asked for the block and the
//! others whether they have it, which determines the next one. In-flight wants of an idle peer move to others; when all
//! peers have declined, the request fails at once.

mod choice;
mod peer;
mod recently_cancelled;
mod step;
mod want;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::PeerId;

use super::config::Config;
use super::last_activity::LastActivity;
use super::message::{Kind, Presence};
use bacalhau_cas::{Cid, DataError, Hash};
use bacalhau_exchange::Answers;
use choice::Choice;
use peer::Peer;
use recently_cancelled::RecentlyCancelled;
pub(super) use step::{Answer, Step};
use want::{Said, Want};

/// Failed connections that are remembered.
const MOST_UNREACHED: usize = 8;

/// Blocks are identified by hash, for all versions and codecs of a CID.
type Key = Hash;

/// A session.
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
    /// Wants without a request in flight, by arrival.
    queue: BTreeMap<u64, Key>,
    next: u64,
    /// Recently cancelled wants, whose blocks may still arrive.
    past: RecentlyCancelled,
    /// Why the session has ended.
    closed: Option<&'static str>,
    /// The last failed connections: addresses and errors.
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
            past: RecentlyCancelled::default(),
            closed: None,
            unreached: VecDeque::new(),
        }
    }

    /// Whether no caller waits.
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

    pub(super) fn peer_up(&mut self, id: PeerId, pulse: Arc<LastActivity>, step: &mut Step) {
        self.peers.insert(id, Peer::new(pulse));
        self.wants.values_mut().for_each(|want| drop(want.said.remove(&id)));
        self.schedule(step);
    }

    /// The connection to `id` is closed; the peer may reconnect, unless we disconnected it.
    pub(super) fn peer_down(&mut self, id: PeerId, thrown_out: bool, step: &mut Step) {
        if self.peers.remove(&id).is_some() {
            self.release_all(id, || Said::Gone("the connection was lost".into()));
            if !thrown_out {
                self.hope(step.now);
            }
        }
        self.schedule(step);
    }

    /// Starts waiting for a reconnection.
    fn hope(&mut self, now: Instant) {
        self.hope_until = Some(now + self.comeback);
    }

    /// Sending to `id` failed. If it has disconnected, it may reconnect.
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

    /// A dial failed.
    pub(super) fn dial_failed(&mut self, why: String) {
        self.unreached.truncate(MOST_UNREACHED - 1);
        self.unreached.push_front(why);
    }

    /// Rechecks waiting wants after a timeout or a lost hope of reconnection.
    pub(super) fn look_again(&mut self, step: &mut Step) {
        self.schedule(step);
    }

    /// Fails all current and future requests.
    pub(super) fn close(&mut self, why: &'static str, step: &mut Step) {
        self.closed = Some(why);
        let keys: Vec<_> = self.wants.keys().copied().collect();
        for key in &keys {
            self.fail(key, step);
        }
    }

    /// Handles received blocks by their hash. Returns the number of unrequested bytes.
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

    /// Moves wants away from idle peers, and fails those beyond their timeout.
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

    /// Whether `want` has exceeded its timeout. Time queued behind arriving blocks does not count.
    fn is_over(&self, want: &Want, now: Instant) -> bool {
        let hopeless = self.peers.values().all(|peer| peer.mute || peer.failed.is_some());
        let since = want.first_asked.or(hopeless.then_some(want.since));
        since.is_some_and(|since| now.saturating_duration_since(since) >= self.patience)
    }

    /// Removes a want.
    fn take(&mut self, key: &Key) -> Option<Want> {
        let want = self.wants.remove(key)?;
        self.past.add(*key);
        self.queue.remove(&want.order);
        if let Some(peer) = want.asked.and_then(|(id, _)| self.peers.get_mut(&id)) {
            peer.in_flight = peer.in_flight.saturating_sub(1);
        }
        Some(want)
    }

    /// Returns an in-flight want to the queue.
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

    /// Cancels `want` at all asked peers except `except`.
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

    /// Fails a want.
    fn fail(&mut self, key: &Key, step: &mut Step) {
        let Some(want) = self.take(key) else { return };
        self.call_off(&want, None, step);
        let why = self.closed.map_or_else(|| want.why(&self.peers, &self.unreached, step.now), Into::into);
        step.answers.extend(want.waiters.into_iter().map(|(cid, answers)| {
            let result = Err(DataError::missing(&cid, why.clone()));
            Answer { answers, cid, result }
        }));
    }

    /// Sends queued wants as far as windows allow.
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

    /// Holds back messages that would make a peer resend blocks in transfer.
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

/// Result of a received message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// Bytes of all blocks.
    pub(super) bytes: u64,
    /// Number of requested blocks.
    pub(super) wanted: u64,
    /// Number of blocks that were requested and cancelled.
    pub(super) late: u64,
    /// Bytes of late blocks.
    pub(super) late_bytes: u64,
    /// Number of unrequested or corrupt blocks; a corrupt block has another hash.
    pub(super) unasked: u64,
    /// Bytes of unrequested blocks.
    pub(super) unasked_bytes: u64,
}

#[cfg(test)]
mod tests;
