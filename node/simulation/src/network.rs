//! Simulated delivery: late, reordered, duplicated, or lost. Senders cannot be forged, as in the real transport; faulty
//! nodes send everything else.

use super::event::{Delivery, Event};
use super::jobs;
use super::report::kind;
use super::world::World;
use super::{Behaviour, FakeSeal};
use bacalhau_compute as compute;
use bacalhau_daemon::{Heartbeat, Input, Transmit};
use bacalhau_job::{Announced, FailureKind};
use bacalhau_protocol::{
    Announcement, Bid, Decline, Failed, Later, Message, Proposal, Reply, Running, SendError, Versions, Withdraw,
};
use bacalhau_verify::Seal as _;

/// The most hops that an announcement takes.
const HOPS: u64 = 4;
/// Rounds of invalid messages that a flooder sends for each job.
const FLOOD: u32 = 50;

/// How a faulty node alters its message.
enum Disguise {
    /// It is sent, as it now is.
    Sent,
    /// It is not, and the node believes that it was.
    Kept,
    /// Sent later.
    Later,
}

impl World<'_> {
    /// Gossip: reaches almost all nodes. Those without use for it drop it unread.
    pub(super) fn announce(&mut self, from: usize, announcement: Announcement) {
        let Announcement { job, versions } = announcement;
        let record = self.nodes[from].core.as_ref().and_then(|core| core.record(&job.id()));
        let data_set = record.and_then(|record| jobs::data_set(&record.job));
        for node in 0..self.nodes.len() {
            if node == from || self.nodes[node].core.is_none() || self.is_lost(from, node) {
                continue;
            }
            self.report.announced += 1;
            let holds = data_set.is_some_and(|data_set| self.nodes[node].data_sets.contains(&data_set));
            if holds || self.rng.chance(self.config.curious) {
                let hops = 1 + self.rng.below(HOPS);
                let at = self.now_ms + hops * self.delay();
                self.agenda.at(at, Event::Announced { node, job: job.clone(), versions: versions.clone() });
            }
        }
    }

    /// Delivers an announcement.
    pub(super) fn hear(&mut self, node: usize, job: Announced, versions: Versions) {
        if self.nodes[node].behaviour == Behaviour::Flooder {
            self.flood(node, &job);
        }
        if self.nodes[node].behaviour == Behaviour::AlwaysFull {
            return self.say_full(node, &job);
        }
        self.handle(node, Input::Compute(compute::Input::Announced { job, versions }));
    }

    fn say_full(&mut self, node: usize, job: &Announced) {
        let Some(to) = self.by_peer.get(&job.requester().peer).copied() else { return };
        let later = Some(Later { ahead: 0, in_ms: Some(1) });
        self.say(node, to, None, Message::Decline(Decline { job: job.id(), reason: "full".into(), later }));
    }

    /// Sends a message, once.
    pub(super) fn transmit(&mut self, from: usize, transmit: Transmit) {
        let Transmit { id, to, mut message, .. } = transmit;
        let Some(to) = self.by_peer.get(&to).copied() else { return };
        let life = self.nodes[from].life;
        let answer = |result| Event::Answer { node: from, life, id, result };
        match self.disguise(from, to, &mut message) {
            Disguise::Sent => {}
            Disguise::Kept => return self.agenda.at(self.now_ms + 1, answer(Ok(Reply::Taken))),
            Disguise::Later => return self.agenda.at(self.now_ms + 1, answer(Err(SendError::Busy))),
        }
        *self.report.messages.entry(kind(&message)).or_default() += 1;
        if self.rng.chance(self.config.links.duplicates) && !self.is_lost(from, to) {
            self.say(from, to, None, message.clone());
        }
        if self.is_lost(from, to) {
            self.agenda
                .at(self.now_ms + self.config.links.timeout_ms, answer(Err(SendError::Late(self.nodes[to].peer))));
        } else {
            self.say(from, to, Some(id), message);
        }
    }

    /// A node begins to send heartbeats of an execution.
    pub(super) fn start_heartbeat(&mut self, node: usize, heartbeat: Heartbeat) {
        let (now_ms, life) = (self.now_ms, self.nodes[node].life);
        self.agenda.at(now_ms + heartbeat.every_ms, Event::Heartbeat { node, life });
        self.nodes[node].heartbeats.start(heartbeat, now_ms);
    }

    /// Sends the heartbeats that are due, each once.
    pub(super) fn heartbeats(&mut self, node: usize, life: u32) {
        if self.nodes[node].life != life {
            return;
        }
        for Heartbeat { execution, to, addrs, every_ms } in self.nodes[node].heartbeats.take_due(self.now_ms) {
            self.agenda.at(self.now_ms + every_ms, Event::Heartbeat { node, life });
            let message = Message::Running(Running { execution });
            self.transmit(node, Transmit { id: 0, to, addrs, message, again: false });
        }
    }

    /// Delivers a message.
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        let Delivery { from, from_life, to, id, message } = delivery;
        let sender = self.nodes[from].peer;
        let mut reply = Err(SendError::Connect { to: self.nodes[to].peer, why: "connection refused".into() });
        let survived = self.nodes[to].core.is_none()
            || self.step(to, |core, clock| {
                let (answer, effects) = core.message(clock, sender, message);
                reply = Ok(answer);
                effects
            });
        let Some(id) = id else { return };
        let answer = |result| Event::Answer { node: from, life: from_life, id, result };
        if survived && !self.is_lost(to, from) {
            let at = self.now_ms + self.delay();
            self.agenda.at(at, answer(reply));
        } else {
            self.agenda
                .at(self.now_ms + self.config.links.timeout_ms, answer(Err(SendError::Late(self.nodes[to].peer))));
        }
    }

    /// Whether messages between the two nodes are lost now.
    pub(super) fn is_lost(&mut self, from: usize, to: usize) -> bool {
        self.are_apart(from, to) || self.rng.chance(self.config.links.loss)
    }

    /// Whether they are in different parts of the network.
    pub(super) fn are_apart(&self, one: usize, other: usize) -> bool {
        self.parted && self.nodes[one].part != self.nodes[other].part
    }

    pub(super) fn delay(&mut self) -> u64 {
        self.rng.between(self.config.links.delay_ms)
    }

    fn say(&mut self, from: usize, to: usize, id: Option<u64>, message: Message) {
        let at = self.now_ms + self.delay();
        self.say_at(at, from, to, id, message);
    }

    fn say_at(&mut self, at: u64, from: usize, to: usize, id: Option<u64>, message: Message) {
        let from_life = self.nodes[from].life;
        self.agenda.at(at, Event::Deliver(Box::new(Delivery { from, from_life, to, id, message })));
    }

    /// Alters a message of a faulty node.
    fn disguise(&mut self, from: usize, to: usize, message: &mut Message) -> Disguise {
        let behaviour = self.nodes[from].behaviour;
        let of_provider = matches!(message, Message::Running(_) | Message::Proposal(_) | Message::Failed(_));
        if behaviour == Behaviour::SilentAfterBid && of_provider {
            return Disguise::Kept;
        }
        let Message::Proposal(proposal) = message else { return Disguise::Sent };
        let (requester, provider) = (self.nodes[to].peer, self.nodes[from].peer);
        if let Some(wrong) = self.checks.proposal(provider, requester, proposal) {
            self.report.violation(wrong);
        }
        let shard = (proposal.execution.job, proposal.execution.shard);
        match behaviour {
            Behaviour::Copycat => match self.seen.get(&shard).filter(|(whose, _)| *whose != from) {
                Some((_, sealed)) => proposal.sealed.clone_from(sealed),
                None => return Disguise::Later,
            },
            Behaviour::Replayer => {
                let kept = self.nodes[from].kept_seal.get_or_insert_with(|| proposal.sealed.clone());
                proposal.sealed.clone_from(kept);
            }
            Behaviour::Equivocator => {
                let second = self.contradict(from, to, proposal);
                let at = self.now_ms + 2 * self.config.links.delay_ms.1;
                self.say_at(at, from, to, None, second);
            }
            _ if self.config.behaviours.iter().any(|(behaviour, _)| *behaviour == Behaviour::Copycat) => {
                self.seen.insert(shard, (from, proposal.sealed.clone()));
            }
            _ => {}
        }
        Disguise::Sent
    }

    /// The same proposal with another result.
    fn contradict(&self, from: usize, to: usize, proposal: &Proposal) -> Message {
        let seal = FakeSeal::new(self.nodes[to].peer, 0);
        let sealed = seal.open(&proposal.sealed).and_then(|mut ballot| {
            ballot.h1 = Behaviour::WrongResult.result(from, &proposal.execution);
            seal.seal(&ballot)
        });
        Message::Proposal(Proposal { execution: proposal.execution, sealed: sealed.unwrap_or_default() })
    }

    /// Sends all kinds of messages about random executions to the requester of a job.
    fn flood(&mut self, from: usize, job: &Announced) {
        let Some(to) = self.by_peer.get(&job.requester().peer).copied() else { return };
        let id = job.id();
        let shards = vec![0];
        for round in 0..FLOOD {
            let execution = id.execution(round % 3, u16::try_from(round % 7).unwrap_or(0));
            let why = || "w".repeat(1000);
            let messages = [
                Message::Bid(Bid {
                    job: id,
                    shards: shards.clone(),
                    versions: jobs::versions(),
                    claim: None,
                    commit: None,
                }),
                Message::Running(Running { execution }),
                Message::Proposal(Proposal { execution, sealed: vec![0; 2000] }),
                Message::Failed(Failed { execution, kind: FailureKind::Refused, why: why() }),
                Message::Withdraw(Withdraw { job: id, shards: vec![7, u32::MAX], why: why() }),
                Message::Bid(Bid {
                    job: id,
                    shards: vec![u32::MAX, 0, 0],
                    versions: jobs::versions(),
                    claim: None,
                    commit: None,
                }),
                Message::Decline(Decline { job: id, reason: why(), later: None }),
            ];
            for message in messages {
                let at = self.now_ms + u64::from(round) * 100 + self.delay();
                self.say_at(at, from, to, None, message);
            }
        }
    }
}
