//! Both state machines of a node and its outbox as one pure state machine. It routes network messages to a machine,
//! delivers messages between the machines internally, and queues others in the outbox.
//!
//! The daemon persists [`Core::take_changes`] before it performs effects or sends a reply. The daemon answers
//! [`Message::Log`] and [`Message::Spec`] itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;

use libp2p_identity::PeerId;

use super::{Heartbeat, Outbox, OutboxConfig, Transmit, Undelivered};
use bacalhau_compute as compute;
use bacalhau_compute::{Compute, News};
use bacalhau_job::{Announced, AnnouncedJob, Event, ExecutionId, JobId, JobRecord};
use bacalhau_protocol::{Announcement, Bid, Message, Refusal, Reply, SendError, Versions};
use bacalhau_requester as requester;
use bacalhau_requester::Requester;

/// A node without its clock, network, disk and drivers.
#[derive(Debug)]
pub struct Core {
    me: PeerId,
    versions: Versions,
    requester: Option<Requester>,
    compute: Option<Compute>,
    outbox: Outbox,
    /// Messages between the requester and the provider state machine.
    to_self: VecDeque<Message>,
    /// Undelivered messages that the machines have not seen yet.
    undelivered: VecDeque<Undelivered>,
    effects: Vec<Effect>,
}

/// An input of the core. Messages have replies, see [`Core::message`].
#[derive(Clone, Debug)]
pub enum Input {
    /// For the requester of this node.
    Requester(requester::Input),
    /// For its provider.
    Compute(compute::Input),
    /// The result of an [`Effect::Transmit`].
    Answered {
        /// Number of the message.
        id: u64,
        /// The reply, or why there is none.
        result: Result<Reply, SendError>,
    },
    /// Time has passed.
    Tick,
}

/// An action to perform in order, after the changes are on disk. Idempotent.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send the announcement by gossip.
    Announce(Box<Announcement>),
    /// Try once to deliver a message: [`Input::Answered`].
    Transmit(Box<Transmit>),
    /// Send heartbeats of an execution from now on, beside the loop.
    StartHeartbeat(Heartbeat),
    /// Send no more heartbeats of an execution.
    StopHeartbeat(ExecutionId),
    /// Work of the requester.
    Requester(requester::Task),
    /// Work of the provider.
    Compute(compute::Task),
}

/// Changes to persist in one transaction, before effects are performed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Jobs of ours that changed: [`Core::record`] has them.
    pub jobs: BTreeSet<JobId>,
    /// Their events, in order.
    pub events: Vec<Event>,
    /// Changed jobs of other requesters; [`Core::provider_record`] has their records.
    pub provided: Vec<JobId>,
    /// Messages that are kept until they are taken, by number; `None` where one is kept no longer.
    pub messages: BTreeMap<u64, Option<Vec<u8>>>,
}

impl Changes {
    /// Whether there is nothing to persist.
    pub fn is_empty(&self) -> bool {
        !self.are_urgent() && self.messages.is_empty()
    }

    /// Whether something has to be on disk before anything else is done. A message that is kept no longer can wait: sent
    /// twice it does no harm.
    pub fn are_urgent(&self) -> bool {
        let records = !(self.jobs.is_empty() && self.events.is_empty() && self.provided.is_empty());
        records || self.messages.values().any(Option::is_some)
    }
}

/// Which of a node's machines a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addressee {
    Requester,
    Compute,
    Nobody,
}

impl Core {
    /// A node called `me` that takes jobs if it has a requester, and runs them if it has a compute.
    pub fn new(
        me: PeerId,
        versions: Versions,
        requester: Option<Requester>,
        compute: Option<Compute>,
        outbox: OutboxConfig,
    ) -> Self {
        Self {
            me,
            versions,
            requester,
            compute,
            outbox: Outbox::new(outbox),
            to_self: VecDeque::new(),
            undelivered: VecDeque::new(),
            effects: Vec::new(),
        }
    }

    /// Restores the state after a restart from the persisted records.
    ///
    /// # Errors
    /// When a provider's record is not of this version.
    pub fn restore(
        &mut self,
        now_ms: u64,
        jobs: Vec<JobRecord>,
        provided: Vec<Vec<u8>>,
        messages: Vec<(u64, Vec<u8>)>,
    ) -> Result<Vec<Effect>, compute::RecordError> {
        self.outbox.restore(messages, now_ms);
        if let Some(compute) = &mut self.compute {
            let effects = compute.restore(now_ms, provided)?;
            self.of_compute(now_ms, effects);
        }
        if let Some(requester) = &mut self.requester {
            let effects = requester.restore(now_ms, jobs);
            self.of_requester(now_ms, effects);
        }
        Ok(self.settle(now_ms))
    }

    /// Handles `input` at `now_ms`, in Unix milliseconds, and returns effects. Time must not go back.
    pub fn handle(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        match input {
            Input::Requester(input) => self.tell_requester(now_ms, input),
            Input::Compute(input) => self.tell_compute(now_ms, input),
            Input::Answered { id, result } => {
                self.undelivered.extend(self.outbox.answered(id, result, now_ms));
            }
            Input::Tick => {
                self.tell_requester(now_ms, requester::Input::Tick);
                self.tell_compute(now_ms, compute::Input::Tick);
            }
        }
        self.settle(now_ms)
    }

    /// Handles a message signed by `from`. The reply must be sent after the changes are on disk.
    pub fn message(&mut self, now_ms: u64, from: PeerId, message: Message) -> (Reply, Vec<Effect>) {
        self.outbox.heard(&from, now_ms);
        let reply = self.deliver(now_ms, from, message);
        (reply, self.settle(now_ms))
    }

    /// As [`message`](Self::message), for a bid of a node with this address prefix.
    pub fn bid(&mut self, now_ms: u64, from: PeerId, bid: Bid, prefix: Option<String>) -> (Reply, Vec<Effect>) {
        self.outbox.heard(&from, now_ms);
        let reply = if self.record(&bid.job).is_some() {
            self.tell_requester(now_ms, requester::Input::Bid { from, bid, prefix });
            Reply::Taken
        } else {
            Reply::Refused(Refusal::Unknown)
        };
        (reply, self.settle(now_ms))
    }

    /// A connection to `peer` was established: retries its queued messages at once.
    pub fn connected(&mut self, now_ms: u64, peer: &PeerId) -> Vec<Effect> {
        self.outbox.heard(peer, now_ms);
        self.settle(now_ms)
    }

    /// When [`Input::Tick`] is needed at the latest.
    pub fn deadline(&self) -> Option<u64> {
        let requester = self.requester.as_ref().and_then(Requester::deadline);
        let compute = self.compute.as_ref().and_then(Compute::deadline);
        [requester, compute, self.outbox.deadline()].into_iter().flatten().min()
    }

    /// Number of jobs of ours without all of their executions by client, if it changed since the last call.
    pub fn take_queue(&mut self) -> Option<BTreeMap<PeerId, usize>> {
        self.requester.as_mut()?.take_queue()
    }

    /// Changes since the last call.
    pub fn take_changes(&mut self) -> Changes {
        let requester::Changes { jobs, events } =
            self.requester.as_mut().map(Requester::take_changes).unwrap_or_default();
        let provided = self.compute.as_mut().map(Compute::take_changes).unwrap_or_default();
        let messages = self.outbox.take_changes().into_iter().collect();
        Changes { jobs, events, provided, messages }
    }

    /// News of the provider since the last call.
    pub fn take_news(&mut self) -> Vec<News> {
        self.compute.as_mut().map(Compute::take_news).unwrap_or_default()
    }

    /// A job of ours that has not ended, or has since the last [`forget_ended`](Self::forget_ended).
    pub fn record(&self, job: &JobId) -> Option<&JobRecord> {
        self.requester.as_ref()?.record(job)
    }

    /// The active job of this requester whose spec `from` asks for.
    ///
    /// # Errors
    /// Why `from` may not receive it.
    pub fn spec(&self, from: &PeerId, job: &JobId) -> Result<&AnnouncedJob, Refusal> {
        self.requester.as_ref().ok_or(Refusal::Unknown)?.spec(from, job)
    }

    /// The provider's record of a job for the disk; `None` when it can be deleted.
    pub fn provider_record(&self, job: &JobId) -> Option<Vec<u8>> {
        self.compute.as_ref()?.record(job)
    }

    /// Drops jobs of ours that have ended: their records are on disk.
    pub fn forget_ended(&mut self) {
        if let Some(requester) = &mut self.requester {
            requester.forget_ended();
        }
    }

    /// The provider, if this node is one.
    pub fn compute(&self) -> Option<&Compute> {
        self.compute.as_ref()
    }

    /// The messages that wait to be taken.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Exchanges messages between the machines until there are none, and returns the remaining effects.
    fn settle(&mut self, now_ms: u64) -> Vec<Effect> {
        loop {
            while let Some(message) = self.to_self.pop_front() {
                if let Reply::Refused(refusal) = self.deliver(now_ms, self.me, message.clone()) {
                    let why = format!("this node itself refused it: {refusal:?}");
                    self.undelivered.push_back(Undelivered { to: self.me, message, why, refusal: Some(refusal) });
                }
            }
            let due = self.outbox.tick(now_ms);
            self.effects.extend(due.transmit.into_iter().map(|transmit| Effect::Transmit(Box::new(transmit))));
            self.undelivered.extend(due.undelivered);
            while let Some(undelivered) = self.undelivered.pop_front() {
                self.not_delivered(now_ms, undelivered);
            }
            if self.to_self.is_empty() && self.outbox.deadline().is_none_or(|at| at > now_ms) {
                return mem::take(&mut self.effects);
            }
        }
    }

    /// Routes a message to a machine, if the sender is a party of its subject.
    fn deliver(&mut self, now_ms: u64, from: PeerId, message: Message) -> Reply {
        let refusal = match addressee(&message) {
            Addressee::Requester => match &self.requester {
                Some(requester) => requester.admits(&from, &message).err(),
                None => Some(Refusal::Unknown),
            },
            Addressee::Compute => self.refused_by_compute(&from, &message),
            Addressee::Nobody => Some(Refusal::Unknown),
        };
        if let Some(refusal) = refusal {
            return Reply::Refused(refusal);
        }
        match addressee(&message) {
            Addressee::Requester => self.tell_requester(now_ms, requester::Input::Message { from, message }),
            Addressee::Compute => self.tell_compute(now_ms, compute::Input::Message { from, message }),
            Addressee::Nobody => {}
        }
        Reply::Taken
    }

    /// Only the job's requester may accept, cancel or judge.
    fn refused_by_compute(&self, from: &PeerId, message: &Message) -> Option<Refusal> {
        match self.compute.as_ref().and_then(|compute| compute.job(&message.job())) {
            None => Some(Refusal::Unknown),
            Some(job) => (job.requester().peer != *from).then_some(Refusal::NotYours),
        }
    }

    fn tell_requester(&mut self, now_ms: u64, input: requester::Input) {
        if let Some(requester) = &mut self.requester {
            let effects = requester.handle(now_ms, input);
            self.of_requester(now_ms, effects);
        }
    }

    fn tell_compute(&mut self, now_ms: u64, input: compute::Input) {
        if let Some(compute) = &mut self.compute {
            let effects = compute.handle(now_ms, input);
            self.of_compute(now_ms, effects);
        }
    }

    fn of_requester(&mut self, now_ms: u64, effects: Vec<requester::Effect>) {
        for effect in effects {
            match effect {
                requester::Effect::Announce(job) => {
                    // Gossip is not delivered to its sender.
                    let patient = self.versions.taking_later();
                    let versions = match self.requester.as_ref().map_or(0, |requester| requester.asks(&job.id)) {
                        0 => patient,
                        share => patient.asking(share),
                    };
                    let announced = compute::Input::Announced { job: job.clone().into(), versions: versions.clone() };
                    self.tell_compute(now_ms, announced);
                    let announcement = Announcement { job: Announced::to_others(job), versions };
                    self.effects.push(Effect::Announce(Box::new(announcement)));
                }
                requester::Effect::Send { to, message } => self.send(now_ms, to, message),
                requester::Effect::Task(task) => self.effects.push(Effect::Requester(task)),
            }
        }
    }

    fn of_compute(&mut self, now_ms: u64, effects: Vec<compute::Effect>) {
        for effect in effects {
            let effect = match effect {
                compute::Effect::Send { to, message } => {
                    self.send(now_ms, to, message);
                    continue;
                }
                compute::Effect::SendOnce { to, addrs, message } => {
                    if to == self.me {
                        self.to_self.push_back(message);
                        continue;
                    }
                    // The reply is not awaited, and the outbox does not use this number.
                    Effect::Transmit(Box::new(Transmit { id: 0, to, addrs, message, again: false }))
                }
                compute::Effect::StartHeartbeat { execution, to, every_ms } => {
                    let addrs = self.addrs(&to, &execution.job);
                    Effect::StartHeartbeat(Heartbeat { execution, to, addrs, every_ms })
                }
                compute::Effect::StopHeartbeat(execution) => Effect::StopHeartbeat(execution),
                compute::Effect::Task(task) => Effect::Compute(task),
            };
            self.effects.push(effect);
        }
    }

    fn send(&mut self, now_ms: u64, to: PeerId, message: Message) {
        if to == self.me {
            self.to_self.push_back(message);
        } else {
            let addrs = self.addrs(&to, &message.job());
            if let Err(undelivered) = self.outbox.send(to, addrs, message, now_ms) {
                self.undelivered.push_back(*undelivered);
            }
        }
    }

    /// Addresses of a requester, from its jobs. Providers have connected to this node before it sends them messages.
    fn addrs(&self, to: &PeerId, job: &JobId) -> Vec<String> {
        let job = self.compute.as_ref().and_then(|compute| compute.job(job));
        job.filter(|job| job.requester().peer == *to).map(|job| job.requester().addrs.clone()).unwrap_or_default()
    }

    fn not_delivered(&mut self, now_ms: u64, undelivered: Undelivered) {
        let Undelivered { to, message, why, refusal } = undelivered;
        // A message that was sent once is not reported as undelivered.
        match addressee(&message) {
            Addressee::Requester => {
                self.tell_compute(now_ms, compute::Input::Undelivered { to, message, refusal });
            }
            Addressee::Compute => self.tell_requester(now_ms, requester::Input::Undelivered { to, message, why }),
            Addressee::Nobody => {}
        }
    }
}

fn addressee(message: &Message) -> Addressee {
    match message {
        Message::Bid(_)
        | Message::Withdraw(_)
        | Message::Decline(_)
        | Message::Reveal(_)
        | Message::Running(_)
        | Message::Proposal(_)
        | Message::Failed(_)
        | Message::Evidence(_)
        | Message::Published(_) => Addressee::Requester,
        Message::Receipt(_)
        | Message::Committed(_)
        | Message::Accept(_)
        | Message::Reject(_)
        | Message::Verdict(_)
        | Message::Collected(_)
        | Message::Cancel(_) => Addressee::Compute,
        Message::Spec { .. } | Message::Log { .. } | Message::Publications { .. } => Addressee::Nobody,
    }
}
