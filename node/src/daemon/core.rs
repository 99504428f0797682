//! Both machines of a node and its outbox as one pure state machine: what comes from the network goes to the machine that it
//! is for, what the machines say to each other stays inside, and what they say to others waits in the outbox.
//!
//! The daemon puts [`Core::take_changes`] on disk before it carries out effects or sends a reply. Logs are not here: the
//! daemon answers [`Message::Log`] and [`Message::Spec`] itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;

use bacalhau_runtime::Publication;
use libp2p::PeerId;

use super::{Heartbeat, Outbox, OutboxConfig, Transmit, Undelivered};
use crate::compute::{self, Compute, DiskSpace, News, Ran};
use crate::job::{
    Announced, AnnouncedJob, Declined, Event, ExecutionId, JobBrief, JobId, JobRecord, MinerClaim, OperatorProof,
    Resources,
};
use crate::protocol::{Announcement, Bid, Delivery, FailureKind, Message, Refusal, Reply, Versions};
use crate::requester::{self, Requester};

/// A node without its clock, network, disk and drivers.
#[derive(Debug)]
pub struct Core {
    me: PeerId,
    versions: Versions,
    requester: Option<Requester>,
    compute: Option<Compute>,
    outbox: Outbox,
    /// From one machine of this node to the other.
    to_self: VecDeque<Message>,
    /// What the machines are still to be told of.
    undelivered: VecDeque<Undelivered>,
    effects: Vec<Effect>,
}

/// Something that happened, beside messages: those have an answer, see [`Core::message`].
#[derive(Clone, Debug)]
pub enum Input {
    /// A job whose request was checked is to be done.
    Submit(Box<AnnouncedJob>),
    /// Its client takes it back.
    Cancel {
        /// The job.
        job: JobId,
        /// In words.
        why: String,
    },
    /// A job was announced by its requester.
    Announced {
        /// The job.
        job: Announced,
        /// What its requester speaks.
        versions: Versions,
    },
    /// What came of an [`Effect::Fetch`].
    Fetched {
        /// The job as it was announced.
        brief: Arc<JobBrief>,
        /// The job, which is the announced one, or why its spec is not here.
        result: Result<Arc<AnnouncedJob>, String>,
    },
    /// What came of an [`Effect::Transmit`].
    Answered {
        /// Its number.
        id: u64,
        /// The answer, or why there is none.
        result: Result<Reply, String>,
    },
    /// What came of an [`Effect::Assess`]: what one execution of each shard would take, or why the job is none for this
    /// node.
    Assessed {
        /// The job.
        job: JobId,
        /// By shard.
        result: Result<Vec<Option<Resources>>, Declined>,
    },
    /// What came of an [`Effect::Run`].
    Ran {
        /// Which execution.
        execution: ExecutionId,
        /// Its result.
        result: Result<Box<Ran>, (FailureKind, String)>,
    },
    /// What came of an [`Effect::Publish`].
    Published {
        /// Whose results.
        execution: ExecutionId,
        /// Where they are.
        result: Result<(Delivery, Vec<Publication>), String>,
    },
    /// What came of an [`Effect::Collect`].
    Collected {
        /// Whose results.
        execution: ExecutionId,
        /// Whether they are what was voted for.
        result: Result<(), String>,
    },
    /// What came of an [`Effect::LookUp`].
    LookedUp {
        /// The bidder.
        from: PeerId,
        /// Its bid.
        bid: Bid,
        /// How the claim is proved, or why it is not.
        result: Result<OperatorProof, String>,
    },
    /// What came of an [`Effect::Beacon`].
    Beacon {
        /// The job.
        job: JobId,
        /// The round.
        round: u64,
        /// Its signature, or why there is none.
        result: Result<String, String>,
    },
    /// This node itself did nothing for so long; see [`requester::Input::HeldUp`].
    HeldUp {
        /// Milliseconds.
        ms: u64,
    },
    /// The state of the disk, as it has changed.
    Disk(DiskSpace),
    /// Bid no more; what runs goes on.
    Drain,
    /// Time has passed.
    Tick,
}

/// Something to be done, in this order, after the changes are on disk. Doing it twice is no harm.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Gossip it.
    Announce(Box<Announcement>),
    /// Try once to hand a message over, and say [`Input::Answered`].
    Transmit(Box<Transmit>),
    /// Find out whether this node wants the job, and what it would take: [`Input::Assessed`].
    Assess(Announced),
    /// Fetch the spec of a job from its requester and check it: [`Input::Fetched`].
    Fetch(Arc<JobBrief>),
    /// Run an execution: [`Input::Ran`]. If its results are there already, they are the answer.
    Run {
        /// Which.
        execution: ExecutionId,
        /// Of which job.
        job: Arc<AnnouncedJob>,
    },
    /// Send heartbeats of an execution from now on, beside the loop.
    StartHeartbeat(Heartbeat),
    /// Send no more heartbeats of an execution.
    StopHeartbeat(ExecutionId),
    /// End an execution as soon as that can be done; nobody waits for it.
    Stop(ExecutionId),
    /// Make results available: [`Input::Published`].
    Publish {
        /// Whose.
        execution: ExecutionId,
        /// Of which job: it says who publishes for everybody.
        job: Arc<AnnouncedJob>,
        /// What they have to be.
        h1: String,
    },
    /// Forget everything about an execution, its results included.
    Discard(ExecutionId),
    /// Fetch what an execution published, hash it, keep it: [`Input::Collected`].
    Collect {
        /// Whose.
        execution: ExecutionId,
        /// From whom.
        peer: PeerId,
        /// How.
        delivery: Delivery,
        /// What it has to be.
        h1: String,
    },
    /// Find out whether a bidder belongs to the storage provider that it claims to belong to: [`Input::LookedUp`].
    LookUp {
        /// The bidder.
        from: PeerId,
        /// Its bid.
        bid: Bid,
        /// What it claims.
        claim: MinerClaim,
    },
    /// Ask the beacon for a round: [`Input::Beacon`].
    Beacon {
        /// The job.
        job: JobId,
        /// The round.
        round: u64,
    },
    /// Everything about the job has ended.
    Ended(JobId),
}

/// What is to be put on disk, in one transaction, before effects are carried out.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Jobs of ours that changed: [`Core::record`] has them.
    pub jobs: BTreeSet<JobId>,
    /// What happened to them, in order.
    pub events: Vec<Event>,
    /// Jobs of others that changed: [`Core::provider_record`] has what is to be kept of them, if anything.
    pub provided: Vec<JobId>,
    /// Messages that are kept until they are taken, by number; `None` where one is kept no longer.
    pub messages: BTreeMap<u64, Option<Vec<u8>>>,
}

impl Changes {
    /// Whether there is nothing to put on disk.
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

    /// Takes up what was not finished when the process ended: what was on disk, as it was put there.
    ///
    /// # Errors
    /// When a provider's record is not of this version.
    pub fn restore(
        &mut self,
        now_ms: u64,
        jobs: Vec<JobRecord>,
        provided: Vec<Vec<u8>>,
        messages: Vec<(u64, Vec<u8>)>,
    ) -> Result<Vec<Effect>, String> {
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

    /// What follows from `input` at `now_ms`, in Unix milliseconds. Time never goes back.
    pub fn handle(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        match input {
            Input::Submit(job) => self.tell_requester(now_ms, requester::Input::Submit(*job)),
            Input::Cancel { job, why } => self.tell_requester(now_ms, requester::Input::Cancel { job, why }),
            Input::Collected { execution, result } => {
                self.tell_requester(now_ms, requester::Input::Collected { execution, result });
            }
            Input::LookedUp { from, bid, result } => {
                self.tell_requester(now_ms, requester::Input::LookedUp { from, bid, result });
            }
            Input::Announced { job, versions } => {
                self.tell_compute(now_ms, compute::Input::Announced { job, versions });
            }
            Input::Fetched { brief, result } => self.tell_compute(now_ms, compute::Input::Fetched { brief, result }),
            Input::Assessed { job, result } => self.tell_compute(now_ms, compute::Input::Assessed { job, result }),
            Input::Ran { execution, result } => self.tell_compute(now_ms, compute::Input::Ran { execution, result }),
            Input::Published { execution, result } => {
                self.tell_compute(now_ms, compute::Input::Published { execution, result });
            }
            Input::Beacon { job, round, result } => {
                self.tell_requester(now_ms, requester::Input::Beacon { job, round, result });
            }
            Input::HeldUp { ms } => self.tell_requester(now_ms, requester::Input::HeldUp { ms }),
            Input::Disk(space) => self.tell_compute(now_ms, compute::Input::Disk(space)),
            Input::Drain => self.tell_compute(now_ms, compute::Input::Drain),
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

    /// Takes a message of `from`, who signed it. The reply is to be given after the changes are on disk, too.
    pub fn message(&mut self, now_ms: u64, from: PeerId, message: Message) -> (Reply, Vec<Effect>) {
        self.outbox.heard(&from, now_ms);
        let reply = self.deliver(now_ms, from, message);
        (reply, self.settle(now_ms))
    }

    /// As [`message`](Self::message), for a bid of a node whose address has this prefix.
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

    /// There is a connection to `peer`, which may have been away: what waits for it need not wait any longer.
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

    /// What has changed since the last call.
    pub fn take_changes(&mut self) -> Changes {
        let requester::Changes { jobs, events } =
            self.requester.as_mut().map(Requester::take_changes).unwrap_or_default();
        let provided = self.compute.as_mut().map(Compute::take_changes).unwrap_or_default();
        let messages = self.outbox.take_changes().into_iter().collect();
        Changes { jobs, events, provided, messages }
    }

    /// What the provider has done since the last call.
    pub fn take_news(&mut self) -> Vec<News> {
        self.compute.as_mut().map(Compute::take_news).unwrap_or_default()
    }

    /// A job of ours that has not ended, or has since the last [`forget_ended`](Self::forget_ended).
    pub fn record(&self, job: &JobId) -> Option<&JobRecord> {
        self.requester.as_ref()?.record(job)
    }

    /// A job of ours that goes on, for `from`, which asks for its spec.
    ///
    /// # Errors
    /// Why `from` does not get it.
    pub fn spec(&self, from: &PeerId, job: &JobId) -> Result<&AnnouncedJob, Refusal> {
        self.requester.as_ref().ok_or(Refusal::Unknown)?.spec(from, job)
    }

    /// What has to be kept of somebody's job on disk; `None` where there is nothing any more.
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

    /// Lets the machines talk to each other until they have nothing more to say, and says what is to be done outside.
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

    /// Gives a message to the machine that it is for, unless the sender has no part in what it is about.
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
                    // Nobody hears their own gossip.
                    let versions = match self.requester.as_ref().map_or(0, |requester| requester.asks(&job.id)) {
                        0 => self.versions.clone(),
                        share => self.versions.asking(share),
                    };
                    let announced = compute::Input::Announced { job: job.clone().into(), versions: versions.clone() };
                    self.tell_compute(now_ms, announced);
                    let announcement = Announcement { job: Announced::to_others(job), versions };
                    self.effects.push(Effect::Announce(Box::new(announcement)));
                }
                requester::Effect::Send { to, message } => self.send(now_ms, to, message),
                requester::Effect::Collect { execution, peer, delivery, h1 } => {
                    self.effects.push(Effect::Collect { execution, peer, delivery, h1 });
                }
                requester::Effect::LookUp { from, bid, claim } => {
                    self.effects.push(Effect::LookUp { from, bid, claim });
                }
                requester::Effect::Beacon { job, round } => self.effects.push(Effect::Beacon { job, round }),
                requester::Effect::Ended(job) => self.effects.push(Effect::Ended(job)),
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
                    // Nothing waits for it, and no number of the outbox is this one.
                    Effect::Transmit(Box::new(Transmit { id: 0, to, addrs, message, again: false }))
                }
                compute::Effect::Assess(job) => Effect::Assess(job),
                compute::Effect::Fetch(brief) => Effect::Fetch(brief),
                compute::Effect::Run { execution, job } => Effect::Run { execution, job },
                compute::Effect::StartHeartbeat { execution, to, every_ms } => {
                    let addrs = self.addrs(&to, &execution.job);
                    Effect::StartHeartbeat(Heartbeat { execution, to, addrs, every_ms })
                }
                compute::Effect::StopHeartbeat(execution) => Effect::StopHeartbeat(execution),
                compute::Effect::Stop(execution) => Effect::Stop(execution),
                compute::Effect::Publish { execution, job, h1 } => Effect::Publish { execution, job, h1 },
                compute::Effect::Discard(execution) => Effect::Discard(execution),
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

    /// A requester says with its jobs how it is reached. Providers have been in touch before they are sent anything.
    fn addrs(&self, to: &PeerId, job: &JobId) -> Vec<String> {
        let job = self.compute.as_ref().and_then(|compute| compute.job(job));
        job.filter(|job| job.requester().peer == *to).map(|job| job.requester().addrs.clone()).unwrap_or_default()
    }

    fn not_delivered(&mut self, now_ms: u64, undelivered: Undelivered) {
        let Undelivered { to, message, why, refusal } = undelivered;
        // Who would have been told by it did not say it.
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

#[cfg(test)]
mod tests;
