//! Messages of this node that wait to be taken: each is sent again until the other side has taken or refused it, or it is
//! too old. Pure, as the machines are, and not on disk: after a restart the machines say again what has to be said.
//!
//! Messages to one node about one shard keep their order; about different shards they overtake each other. A node that
//! does not answer is tried by one message at a time, less and less often, and costs no more than its queue.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use libp2p::PeerId;

use crate::job::JobId;
use crate::protocol::{
    Accept, Cancel, Collected, Evidence, Failed, Message, Proposal, Published, Refusal, Reply, Running, VerdictNotice,
};

/// Bounds in time and number.
#[derive(Clone, Debug)]
pub struct OutboxConfig {
    /// How long to wait after the first failure; twice as long after each further one. Default 250 ms.
    pub first_retry_ms: u64,
    /// The longest that is waited. Default 15 s.
    pub last_retry_ms: u64,
    /// How old a message becomes before it is given up. Default 2 min.
    pub age_ms: u64,
    /// Messages that wait for one node; more are given up at once. Default 4096.
    pub per_peer: usize,
    /// Messages that are on their way to one node at once. Default 64, as many as the network carries to one at a time.
    pub on_their_way: usize,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self { first_retry_ms: 250, last_retry_ms: 15_000, age_ms: 120_000, per_peer: 4096, on_their_way: 64 }
    }
}

/// A message to be transmitted now. What came of it is to be said to [`Outbox::answered`].
#[derive(Clone, Debug, PartialEq)]
pub struct Transmit {
    /// Its number in this process.
    pub id: u64,
    /// To whom.
    pub to: PeerId,
    /// Multiaddrs at which the receiver may be reached, if any are known.
    pub addrs: Vec<String>,
    /// What.
    pub message: Message,
    /// Whether it was tried before.
    pub again: bool,
}

/// A message that was given up.
#[derive(Clone, Debug, PartialEq)]
pub struct Undelivered {
    /// To whom it was.
    pub to: PeerId,
    /// What it said.
    pub message: Message,
    /// Why, in words.
    pub why: String,
}

/// What is to be done at some time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Due {
    /// Messages to be transmitted, in this order.
    pub transmit: Vec<Transmit>,
    /// Messages that are given up.
    pub undelivered: Vec<Undelivered>,
}

/// The messages that wait. See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    config: OutboxConfig,
    last_id: u64,
    /// By number, which is by age too.
    waiting: BTreeMap<u64, Waiting>,
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
    /// What came of the last try.
    last: String,
}

/// What messages that keep their order are about: a shard, or a job as a whole.
type Lane = (JobId, Option<u32>);

#[derive(Debug, Default)]
struct Peer {
    lanes: BTreeMap<Lane, VecDeque<u64>>,
    /// Lanes whose first message is not on its way, in the order in which their turn comes.
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
    /// An empty one.
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
            return Err(Box::new(Undelivered { to, message, why }));
        }
        self.last_id += 1;
        let lane = lane(&message);
        peer.waiting += 1;
        let queue = peer.lanes.entry(lane).or_default();
        queue.push_back(self.last_id);
        if queue.len() == 1 {
            peer.ready.push_back(lane);
        }
        let waiting = Waiting {
            to,
            addrs,
            message,
            since_ms: now_ms,
            on_its_way: false,
            tried: false,
            last: "never tried".into(),
        };
        self.waiting.insert(self.last_id, waiting);
        self.arm(to, now_ms);
        Ok(self.last_id)
    }

    /// What came of transmitting message `id`: the other side's answer, or why there is none. A refused message is given
    /// back.
    pub fn answered(&mut self, id: u64, result: Result<Reply, String>, now_ms: u64) -> Option<Undelivered> {
        let waiting = self.waiting.get_mut(&id).filter(|waiting| waiting.on_its_way)?;
        let to = waiting.to;
        let refusal = match result {
            Ok(Reply::Taken | Reply::Log { .. } | Reply::Publications(_)) => None,
            // There is use in sending that again, but later.
            Ok(Reply::Refused(Refusal::OverBudget)) => {
                waiting.last = "the other side is over its budget for us".into();
                self.failed(id, now_ms);
                return None;
            }
            Ok(Reply::Refused(refusal)) => Some(refusal),
            Err(why) => {
                waiting.last = why;
                self.failed(id, now_ms);
                return None;
            }
        };
        self.heard(&to, now_ms);
        let waiting = self.remove(id, now_ms)?;
        let why = format!("refused: {}", in_words(refusal?));
        Some(Undelivered { to, message: waiting.message, why })
    }

    /// That node lives: what waits for it need not wait any longer.
    pub fn heard(&mut self, from: &PeerId, now_ms: u64) {
        if let Some(peer) = self.peers.get_mut(from).filter(|peer| peer.failures > 0) {
            peer.failures = 0;
            peer.not_before_ms = now_ms;
            self.arm(*from, now_ms);
        }
    }

    /// What is to be done at `now_ms`.
    pub fn tick(&mut self, now_ms: u64) -> Due {
        let mut due = Due::default();
        while let Some((id, _)) = self.waiting.first_key_value().filter(|(_, first)| self.expiry(first) <= now_ms) {
            if let Some(Waiting { to, message, last, .. }) = self.remove(*id, now_ms) {
                let why = format!("not taken within {} s, at last: {last}", self.config.age_ms / 1000);
                due.undelivered.push(Undelivered { to, message, why });
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
        let expiry = self.waiting.first_key_value().map(|(_, first)| self.expiry(first));
        due.into_iter().chain(expiry).min()
    }

    /// Number of messages that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn expiry(&self, waiting: &Waiting) -> u64 {
        waiting.since_ms.saturating_add(self.config.age_ms)
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
        // What was on its way at once has failed once.
        if now_ms >= peer.not_before_ms {
            let factor = 1_u64.checked_shl(peer.failures).unwrap_or(u64::MAX);
            let wait = self.config.first_retry_ms.saturating_mul(factor).min(self.config.last_retry_ms);
            peer.failures = peer.failures.saturating_add(1);
            peer.not_before_ms = now_ms.saturating_add(wait);
        }
        self.arm(to, now_ms);
    }

    fn remove(&mut self, id: u64, now_ms: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&id)?;
        let peer = self.peers.get_mut(&waiting.to)?;
        let lane = lane(&waiting.message);
        peer.waiting -= 1;
        if waiting.on_its_way {
            peer.on_their_way -= 1;
        } else {
            peer.ready.retain(|ready| *ready != lane);
        }
        let queue = peer.lanes.get_mut(&lane)?;
        // The oldest of all and the one that was on its way are the first of their lanes.
        queue.pop_front();
        if queue.is_empty() {
            peer.lanes.remove(&lane);
        } else {
            peer.ready.push_back(lane);
        }
        self.arm(waiting.to, now_ms);
        Some(waiting)
    }

    /// Says anew when `to` is to be sent something.
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

fn lane(message: &Message) -> Lane {
    let shard = match message {
        Message::Bid(_) | Message::Withdraw(_) | Message::Reject(_) => None,
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
        Refusal::Unknown => "the other side does not know the job or execution",
        Refusal::NotYours => "the other side says that it is none of ours",
        Refusal::OutOfTurn => "the other side says that it makes no sense at this point",
        Refusal::OverBudget => "the other side is over its budget for us",
    }
}

#[cfg(test)]
mod tests;
