//! Queue of outgoing messages, each resent until the recipient accepts or rejects it, or it expires. Pure. After a
//! restart the machines repeat messages of their jobs; the last message about a job ([`Message::is_last`]) is persisted
//! until delivery.
//!
//! Messages to one node about one shard stay in order; those about different shards do not. A node that does not answer
//! is retried with one message at a time and increasing pauses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};

use bacalhau_job::{JobId, to_dag_cbor};
use bacalhau_protocol::{
    Accept, Cancel, Collected, Evidence, Failed, Message, Proposal, Published, Refusal, Reply, Running, SendError,
    VerdictNotice,
};

/// Failures in a row, about two minutes, after which a node is tried less often.
const PATIENT: u32 = 12;

/// Bounds in time and number.
#[derive(Clone, Debug)]
pub struct OutboxConfig {
    /// How long to wait after the first failure; twice as long after each further one. Default 250 ms.
    pub first_retry_ms: u64,
    /// The longest that is waited. Default 15 s.
    pub last_retry_ms: u64,
    /// Time after which an undelivered message expires. Default 2 min.
    pub age_ms: u64,
    /// How old one of the last messages about a job becomes, which are kept on disk. Default 24 h.
    pub kept_age_ms: u64,
    /// The longest wait for a node that has not answered for minutes. Default 5 min.
    pub patient_retry_ms: u64,
    /// Maximum queued messages to one node; further ones fail at once. Default 4096.
    pub per_peer: usize,
    /// Messages that are on their way to one node at once. Default 64, as many as the network carries to one at a time.
    pub on_their_way: usize,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self {
            first_retry_ms: 250,
            last_retry_ms: 15_000,
            age_ms: 120_000,
            kept_age_ms: 86_400_000,
            patient_retry_ms: 300_000,
            per_peer: 4096,
            on_their_way: 64,
        }
    }
}

/// A message to transmit now. Report the result to [`Outbox::answered`].
#[derive(Clone, Debug, PartialEq)]
pub struct Transmit {
    /// Its number in this process.
    pub id: u64,
    /// The recipient.
    pub to: PeerId,
    /// Known multiaddrs of the recipient.
    pub addrs: Vec<String>,
    /// The message.
    pub message: Message,
    /// Whether it was tried before.
    pub again: bool,
}

/// An undelivered message.
#[derive(Clone, Debug, PartialEq)]
pub struct Undelivered {
    /// The recipient.
    pub to: PeerId,
    /// The message.
    pub message: Message,
    /// The reason.
    pub why: String,
    /// The other side's reason, where it refused the message.
    pub refusal: Option<Refusal>,
}

/// A message as it is kept on disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    to: PeerId,
    addrs: Vec<String>,
    message: Message,
    since_ms: u64,
}

/// Actions that are due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Due {
    /// Messages to be transmitted, in this order.
    pub transmit: Vec<Transmit>,
    /// Undelivered messages.
    pub undelivered: Vec<Undelivered>,
}

/// The outgoing messages.
#[derive(Debug, Default)]
pub struct Outbox {
    config: OutboxConfig,
    last_id: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// When each is too old.
    expiries: BTreeSet<(u64, u64)>,
    /// Kept messages that are not on disk as they are here.
    changed: BTreeSet<u64>,
    peers: BTreeMap<PeerId, Peer>,
    /// When each node that can be sent something is to be sent it.
    due: BTreeSet<(u64, PeerId)>,
}

#[derive(Debug)]
struct Waiting {
    to: PeerId,
    addrs: Vec<String>,
    message: Message,
    since_ms: u64,
    on_its_way: bool,
    tried: bool,
    /// Error of the last attempt.
    last: String,
}

/// Subject of messages that stay in order: a shard, or a whole job.
type Lane = (JobId, Option<u32>);

#[derive(Debug, Default)]
struct Peer {
    lanes: BTreeMap<Lane, VecDeque<u64>>,
    /// Lanes without a message in flight, in round-robin order.
    ready: VecDeque<Lane>,
    waiting: usize,
    on_their_way: usize,
    /// Failures in a row.
    failures: u32,
    not_before_ms: u64,
    /// Its entry in `Outbox::due`.
    due_ms: Option<u64>,
}

impl Outbox {
    /// An empty outbox.
    pub fn new(config: OutboxConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Takes a message for `to`, which [`tick`](Self::tick) will transmit. The answer is its number.
    ///
    /// # Errors
    /// The message, if too many wait for that node already.
    pub fn send(
        &mut self,
        to: PeerId,
        addrs: Vec<String>,
        message: Message,
        now_ms: u64,
    ) -> Result<u64, Box<Undelivered>> {
        let peer = self.peers.entry(to).or_default();
        if peer.waiting >= self.config.per_peer {
            let why = format!("{} messages wait for that node already", peer.waiting);
            return Err(Box::new(Undelivered { to, message, why, refusal: None }));
        }
        // A new message shortens the pause of an unreachable node.
        peer.not_before_ms = peer.not_before_ms.min(now_ms.saturating_add(self.config.last_retry_ms));
        self.last_id += 1;
        let kept = message.is_last();
        self.put(self.last_id, Kept { to, addrs, message, since_ms: now_ms }, now_ms);
        if kept {
            self.changed.insert(self.last_id);
        }
        Ok(self.last_id)
    }

    /// Restores persisted messages by number. Messages of unknown versions are dropped.
    pub fn restore(&mut self, messages: Vec<(u64, Vec<u8>)>, now_ms: u64) {
        for (id, bytes) in messages {
            self.last_id = self.last_id.max(id);
            match serde_ipld_dagcbor::from_slice::<Kept>(&bytes) {
                Ok(kept) => self.put(id, Kept { since_ms: kept.since_ms.min(now_ms), ..kept }, now_ms),
                Err(_) => drop(self.changed.insert(id)),
            }
        }
    }

    /// Changes of persisted messages since the last call, by number; `None` deletes one.
    pub fn take_changes(&mut self) -> Vec<(u64, Option<Vec<u8>>)> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|id| (id, self.waiting.get(&id).map(Waiting::encode))).collect()
    }

    fn put(&mut self, id: u64, kept: Kept, now_ms: u64) {
        let Kept { to, addrs, message, since_ms } = kept;
        let peer = self.peers.entry(to).or_default();
        let lane = lane(&message);
        peer.waiting += 1;
        let queue = peer.lanes.entry(lane).or_default();
        queue.push_back(id);
        if queue.len() == 1 {
            peer.ready.push_back(lane);
        }
        let waiting =
            Waiting { to, addrs, message, since_ms, on_its_way: false, tried: false, last: "never tried".into() };
        self.expiries.insert((self.expiry(&waiting), id));
        self.waiting.insert(id, waiting);
        self.arm(to, now_ms);
    }

    /// The result of transmitting message `id`: the reply or an error. Returns a rejected message.
    pub fn answered(&mut self, id: u64, result: Result<Reply, SendError>, now_ms: u64) -> Option<Undelivered> {
        let waiting = self.waiting.get_mut(&id).filter(|waiting| waiting.on_its_way)?;
        let to = waiting.to;
        let refusal = match result {
            Ok(Reply::Taken | Reply::Log { .. } | Reply::Spec { .. } | Reply::Publications(_)) => None,
            // A later attempt can succeed.
            Ok(Reply::Refused(Refusal::OverBudget)) => {
                waiting.last = "the other side is over its budget for us".into();
                self.failed(id, now_ms);
                return None;
            }
            Ok(Reply::Refused(refusal)) => Some(refusal),
            Err(why) => {
                waiting.last = why.to_string();
                self.failed(id, now_ms);
                return None;
            }
        };
        self.heard(&to, now_ms);
        let waiting = self.remove(id, now_ms)?;
        let why = format!("refused: {}", in_words(refusal?));
        Some(Undelivered { to, message: waiting.message, why, refusal })
    }

    /// The node is alive: retries its queued messages at once.
    pub fn heard(&mut self, from: &PeerId, now_ms: u64) {
        if let Some(peer) = self.peers.get_mut(from).filter(|peer| peer.failures > 0) {
            peer.failures = 0;
            peer.not_before_ms = now_ms;
            self.arm(*from, now_ms);
        }
    }

    /// The actions due at `now_ms`.
    pub fn tick(&mut self, now_ms: u64) -> Due {
        let mut due = Due::default();
        while let Some((expiry, id)) = self.expiries.first().copied().filter(|(expiry, _)| *expiry <= now_ms) {
            self.expiries.remove(&(expiry, id));
            if let Some(Waiting { to, message, last, since_ms, .. }) = self.remove(id, now_ms) {
                let why = format!("not taken within {} s, at last: {last}", expiry.saturating_sub(since_ms) / 1000);
                due.undelivered.push(Undelivered { to, message, why, refusal: None });
            }
        }
        while let Some((_, to)) = self.due.first().copied().filter(|(at, _)| *at <= now_ms) {
            due.transmit.extend(self.next_to(to));
            self.arm(to, now_ms);
        }
        due
    }

    /// When [`tick`](Self::tick) is needed at the latest.
    pub fn deadline(&self) -> Option<u64> {
        let due = self.due.first().map(|(at, _)| *at);
        let expiry = self.expiries.first().map(|(expiry, _)| *expiry);
        due.into_iter().chain(expiry).min()
    }

    /// Whether something waits for a node for which `reaches` is true.
    pub fn has_some_for(&self, reaches: impl Fn(&PeerId) -> bool) -> bool {
        self.peers.keys().any(reaches)
    }

    /// Number of messages that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn expiry(&self, waiting: &Waiting) -> u64 {
        let age_ms = if waiting.message.is_last() { self.config.kept_age_ms } else { self.config.age_ms };
        waiting.since_ms.saturating_add(age_ms)
    }

    /// Sends the next message that may go to `to`.
    fn next_to(&mut self, to: PeerId) -> Option<Transmit> {
        let peer = self.peers.get_mut(&to)?;
        let lane = peer.ready.pop_front()?;
        let id = *peer.lanes.get(&lane)?.front()?;
        let waiting = self.waiting.get_mut(&id)?;
        peer.on_their_way += 1;
        waiting.on_its_way = true;
        let again = std::mem::replace(&mut waiting.tried, true);
        Some(Transmit { id, to, addrs: waiting.addrs.clone(), message: waiting.message.clone(), again })
    }

    /// Puts a message that was not taken behind the others for its node, and the node off.
    fn failed(&mut self, id: u64, now_ms: u64) {
        let Some(waiting) = self.waiting.get_mut(&id) else { return };
        waiting.on_its_way = false;
        let to = waiting.to;
        let Some(peer) = self.peers.get_mut(&to) else { return };
        peer.on_their_way -= 1;
        peer.ready.push_back(lane(&waiting.message));
        // Messages in flight together have failed once.
        if now_ms >= peer.not_before_ms {
            let factor = 1_u64.checked_shl(peer.failures).unwrap_or(u64::MAX);
            let longest =
                if peer.failures < PATIENT { self.config.last_retry_ms } else { self.config.patient_retry_ms };
            let wait = self.config.first_retry_ms.saturating_mul(factor).min(longest);
            peer.failures = peer.failures.saturating_add(1);
            peer.not_before_ms = now_ms.saturating_add(wait);
        }
        self.arm(to, now_ms);
    }

    fn remove(&mut self, id: u64, now_ms: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&id)?;
        self.expiries.remove(&(self.expiry(&waiting), id));
        if waiting.message.is_last() {
            self.changed.insert(id);
        }
        let peer = self.peers.get_mut(&waiting.to)?;
        let lane = lane(&waiting.message);
        peer.waiting -= 1;
        let queue = peer.lanes.get_mut(&lane)?;
        let was_first = queue.front() == Some(&id);
        queue.retain(|waiting| *waiting != id);
        // Only the first of a lane is on its way, or ready to be.
        if was_first {
            if waiting.on_its_way {
                peer.on_their_way -= 1;
            } else {
                peer.ready.retain(|ready| *ready != lane);
            }
            if queue.is_empty() {
                peer.lanes.remove(&lane);
            } else {
                peer.ready.push_back(lane);
            }
        }
        self.arm(waiting.to, now_ms);
        Some(waiting)
    }

    /// Recomputes the next transmission to `to`.
    fn arm(&mut self, to: PeerId, now_ms: u64) {
        let Some(peer) = self.peers.get_mut(&to) else { return };
        if let Some(due) = peer.due_ms.take() {
            self.due.remove(&(due, to));
        }
        let at_once = if peer.failures == 0 { self.config.on_their_way } else { 1 };
        if peer.waiting == 0 {
            self.peers.remove(&to);
        } else if !peer.ready.is_empty() && peer.on_their_way < at_once {
            let due = peer.not_before_ms.max(now_ms);
            peer.due_ms = Some(due);
            self.due.insert((due, to));
        }
    }
}

impl Waiting {
    fn encode(&self) -> Vec<u8> {
        let (to, addrs, message) = (self.to, self.addrs.clone(), self.message.clone());
        to_dag_cbor(&Kept { to, addrs, message, since_ms: self.since_ms })
    }
}

fn lane(message: &Message) -> Lane {
    let shard = match message {
        Message::Bid(_)
        | Message::Withdraw(_)
        | Message::Decline(_)
        | Message::Receipt(_)
        | Message::Committed(_)
        | Message::Reveal(_)
        | Message::Reject(_)
        | Message::Spec { .. } => None,
        Message::Cancel(Cancel { shard, .. }) => *shard,
        Message::Accept(Accept { execution, .. })
        | Message::Running(Running { execution })
        | Message::Proposal(Proposal { execution, .. })
        | Message::Failed(Failed { execution, .. })
        | Message::Verdict(VerdictNotice { execution, .. })
        | Message::Evidence(Evidence { execution, .. })
        | Message::Published(Published { execution, .. })
        | Message::Collected(Collected { execution })
        | Message::Log { execution, .. }
        | Message::Publications { execution } => Some(execution.shard),
    };
    (message.job(), shard)
}

fn in_words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Unknown => "the recipient does not know the job or execution",
        Refusal::NotYours => "the recipient says that this node is not a party of it",
        Refusal::OutOfTurn => "the recipient rejects the message in its current state",
        Refusal::OverBudget => "the other side is over its budget for us",
    }
}

#[cfg(test)]
mod tests;
