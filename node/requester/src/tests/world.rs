//! A requester and everybody around it, by hand: who says what, and what the machine answers.

use crate::Task;
use std::sync::Arc;

use bacalhau_receipt::{CallTrail, Claim, Outcome, Profile, Receipt};
use bacalhau_tree::Link;
use libp2p_identity::PeerId;

use crate::{Effect, Input, Requester, RequesterConfig};
use bacalhau_identity::Identity;
use bacalhau_job::{
    AnnouncedJob, Deal, Delivery, Distinct, Event, EventKind, ExecutionRecord, JobId, JobRecord, JobSpec, Request,
    Secrets, ShardRecord, SignedRequest, VerifierKind,
};
use bacalhau_protocol::{
    Ballot, Bid, Evidence, Message, Proposal, Published, Reveal, Running, VerdictNotice, Versions,
};
use bacalhau_verify::{Seal, SealError};

/// The number of the requester among the peers.
pub(crate) const REQUESTER: u8 = 200;
pub(crate) const START_MS: u64 = 1_000_000;

/// A seal that hides nothing.
#[derive(Debug)]
pub(crate) struct FakeSeal;

impl Seal for FakeSeal {
    fn salt(&self) -> Result<String, SealError> {
        Ok(String::new())
    }

    fn seal(&self, ballot: &Ballot) -> Result<Vec<u8>, SealError> {
        Ok(bacalhau_job::to_dag_cbor(ballot))
    }

    fn open(&self, sealed: &[u8]) -> Result<Ballot, SealError> {
        serde_ipld_dagcbor::from_slice(sealed).map_err(|error| SealError::Sealed(error.to_string()))
    }

    fn seal_spec(&self, spec: &[u8], _: &PeerId) -> Result<Vec<u8>, SealError> {
        Ok(spec.to_vec())
    }

    fn open_spec(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(sealed.to_vec())
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(key(REQUESTER).keypair().sign(text).unwrap())
    }
}

pub(crate) fn key(number: u8) -> Identity {
    Identity::from_seed([number; 32])
}

pub(crate) fn peer(number: u8) -> PeerId {
    key(number).peer_id()
}

pub(crate) fn job(concurrency: u16, confidence: u16, min_bids: u16) -> AnnouncedJob {
    job_of(Deal::new(concurrency, confidence).unwrap().with_min_bids(min_bids), VerifierKind::Deterministic, 1)
}

pub(crate) fn job_of(deal: Deal, verifier: VerifierKind, shards: usize) -> AnnouncedJob {
    let job = bacalhau_receipt::Job::new(Link::of_raw(b""));
    let spec = JobSpec { verifier, timeout_seconds: 600, ..JobSpec::wasm("data:,x", job, deal) };
    let request = SignedRequest::sign(Request { spec, nonce: "1".into() }, key(201).keypair()).unwrap();
    AnnouncedJob {
        id: JobId::of(&request, &peer(REQUESTER)),
        request,
        requester: bacalhau_job::Requester { peer: peer(REQUESTER), addrs: Vec::new() },
        shards: vec![Vec::new(); shards],
        created_ms: START_MS,
        bidding_ms: 30_000,
        fair: None,
    }
}

/// What an honest provider would claim for results with this hash.
pub(crate) fn receipt(h1: &str, fuel: u64) -> Receipt {
    let job = bacalhau_receipt::Job::new(Link::of_raw(b""));
    let job_cid = job.cid().unwrap();
    let claim = Claim::new(job, job_cid, Outcome::Exit(0), fuel, h1.into(), Vec::new());
    let mut receipt: serde_json::Value = serde_json::json!({ "claim": claim });
    receipt["unclaimed"] = serde_json::json!({});
    serde_json::from_value(receipt).unwrap()
}

pub(crate) fn versions() -> Versions {
    Versions { semver: "1".into(), protocol: bacalhau_protocol::PROTOCOL_VERSION, profiles: vec![Profile::V1.id()] }
}

pub(crate) struct World {
    pub(crate) machine: Requester,
    pub(crate) now: u64,
    pub(crate) job: JobId,
    pub(crate) events: Vec<Event>,
    pub(crate) ended: usize,
}

impl World {
    pub(crate) fn new(job: AnnouncedJob) -> Self {
        Self::ruled_by(job, Distinct::None)
    }

    /// One whose requester tells bidders apart so, where a job does not say it.
    pub(crate) fn ruled_by(job: AnnouncedJob, distinct: Distinct) -> Self {
        Self::configured(job, RequesterConfig { distinct, ..RequesterConfig::default() })
    }

    pub(crate) fn configured(job: AnnouncedJob, config: RequesterConfig) -> Self {
        let machine = Requester::new(peer(REQUESTER), config, Arc::new(FakeSeal));
        let mut world = Self { machine, now: START_MS, job: job.id, events: Vec::new(), ended: 0 };
        let effects = world.feed(Input::Submit(Box::new(job.clone())));
        let fair = world.record().job.fair.clone();
        assert_eq!(effects, [Effect::Announce(AnnouncedJob { fair, ..job })]);
        world
    }

    pub(crate) fn feed(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.machine.handle(self.now, input);
        self.took(effects)
    }

    fn took(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let changes = self.machine.take_changes();
        self.ended += effects.iter().filter(|effect| matches!(effect, Effect::Task(Task::Ended(_)))).count();
        assert!(effects.is_empty() || self.machine.deadline().is_some() || self.record().ended_ms.is_some());
        self.events.extend(changes.events);
        effects
    }

    /// The process ends, and begins again with what is on disk.
    pub(crate) fn restart(&mut self) -> Vec<Effect> {
        let bytes = serde_ipld_dagcbor::to_vec(self.record()).unwrap();
        let record: JobRecord = serde_ipld_dagcbor::from_slice(&bytes).unwrap();
        assert_eq!(&record, self.record(), "a record is read as it was written");
        let mut machine = Requester::new(peer(REQUESTER), RequesterConfig::default(), Arc::new(FakeSeal));
        let unfinished = record.ended_ms.is_none();
        if !unfinished {
            return Vec::new();
        }
        let effects = machine.restore(self.now, vec![record]);
        self.machine = machine;
        self.took(effects)
    }

    pub(crate) fn say(&mut self, from: PeerId, message: Message) -> Vec<Effect> {
        self.feed(Input::Message { from, message })
    }

    pub(crate) fn wait(&mut self, ms: u64) -> Vec<Effect> {
        let until = self.now + ms;
        let mut effects = Vec::new();
        while let Some(at) = self.machine.deadline().filter(|at| *at <= until) {
            assert!(at >= self.now, "a deadline was missed");
            self.now = at;
            effects.extend(self.feed(Input::Tick));
            assert!(self.machine.deadline().is_none_or(|next| next > self.now), "what is due is done");
        }
        self.now = until;
        effects
    }

    pub(crate) fn bid(&mut self, number: u8) -> Vec<Effect> {
        self.bid_for(number, (0..self.shards()).collect())
    }

    pub(crate) fn bid_for(&mut self, number: u8, shards: Vec<u32>) -> Vec<Effect> {
        let commit = self.record().job.fair.as_ref().map(|_| secrets(number, &self.job).commit());
        let bid = Bid { job: self.job, shards, versions: versions(), claim: None, commit };
        self.say(peer(number), Message::Bid(bid))
    }

    /// A bidder reveals its secret for a draw.
    pub(crate) fn reveal(&mut self, number: u8, round: u16) -> Vec<Effect> {
        let secret = secrets(number, &self.job).reveal(round).unwrap();
        self.say(peer(number), Message::Reveal(Reveal { job: self.job, round, secret }))
    }

    pub(crate) fn bids(&mut self, numbers: std::ops::Range<u8>) -> Vec<Effect> {
        numbers.flat_map(|number| self.bid(number)).collect()
    }

    fn shards(&self) -> u32 {
        u32::try_from(self.record().shards.len()).unwrap()
    }

    pub(crate) fn record(&self) -> &JobRecord {
        self.machine.record(&self.job).unwrap()
    }

    pub(crate) fn shard(&self) -> &ShardRecord {
        &self.record().shards[0]
    }

    pub(crate) fn execution(&self, number: u16) -> &ExecutionRecord {
        self.shard().execution(number).unwrap()
    }

    pub(crate) fn peer_of(&self, number: u16) -> PeerId {
        self.execution(number).peer
    }

    pub(crate) fn running(&mut self, number: u16) -> Vec<Effect> {
        let execution = self.job.execution(0, number);
        self.say(self.peer_of(number), Message::Running(Running { execution }))
    }

    /// The ballot of an honest provider for results with this hash.
    pub(crate) fn ballot(&self, number: u16, h1: &str) -> Ballot {
        let receipt = receipt(h1, 1);
        Ballot {
            execution: self.job.execution(0, number),
            provider: self.peer_of(number),
            requester: peer(REQUESTER),
            salt: format!("{number:032x}"),
            h1: h1.into(),
            claim: Link::of_dag_cbor(&receipt.claim.to_dag_cbor()),
            outcome: receipt.claim.outcome,
            fuel: receipt.claim.fuel,
        }
    }

    pub(crate) fn vote(&mut self, number: u16, h1: &str) -> Vec<Effect> {
        let ballot = self.ballot(number, h1);
        self.cast(number, &ballot)
    }

    pub(crate) fn cast(&mut self, number: u16, ballot: &Ballot) -> Vec<Effect> {
        self.propose(number, FakeSeal.seal(ballot).unwrap())
    }

    pub(crate) fn propose(&mut self, number: u16, sealed: Vec<u8>) -> Vec<Effect> {
        let execution = self.job.execution(0, number);
        self.say(self.peer_of(number), Message::Proposal(Proposal { execution, sealed }))
    }

    /// Shows the receipt of what was voted for, which is found by its hash.
    pub(crate) fn show(&mut self, number: u16) -> Vec<Effect> {
        let h1 = self.execution(number).h1.clone().unwrap();
        let mut receipt = receipt(&h1, 1);
        let of = (0..=u8::MAX).map(key).find(|key| key.peer_id() == self.peer_of(number)).unwrap();
        bacalhau_identity::receipts::sign(&mut receipt, &of);
        self.show_receipt(number, Some(receipt))
    }

    pub(crate) fn show_receipt(&mut self, number: u16, receipt: Option<Receipt>) -> Vec<Effect> {
        let execution = self.job.execution(0, number);
        self.say(self.peer_of(number), Message::Evidence(Evidence { execution, receipt, calls: CallTrail::default() }))
    }

    pub(crate) fn publish(&mut self, number: u16, delivery: Result<Delivery, String>) -> Vec<Effect> {
        let execution = self.job.execution(0, number);
        let published = Published { execution, delivery, publications: Vec::new() };
        self.say(self.peer_of(number), Message::Published(published))
    }

    pub(crate) fn collected(&mut self, number: u16, result: Result<(), String>) -> Vec<Effect> {
        self.feed(Input::Collected { execution: self.job.execution(0, number), result })
    }

    pub(crate) fn texts(&self, kind: EventKind) -> Vec<&str> {
        self.events.iter().filter(|event| event.kind == kind).map(|event| event.text.as_str()).collect()
    }
}

/// The secrets of a bidder.
pub(crate) fn secrets(number: u8, job: &JobId) -> Secrets {
    Secrets::new(&key(number).keypair().sign(&Secrets::of_bidder(job)).unwrap())
}

#[expect(clippy::unnecessary_wraps, reason = "as providers say it")]
pub(crate) fn dag() -> Result<Delivery, String> {
    Ok(Delivery::Dag(Link::of_raw(b"results")))
}

/// Who is told what of the verdict: number, won, publish.
pub(crate) fn notices(effects: &[Effect]) -> Vec<(u16, bool, bool)> {
    let notice = |effect: &Effect| match effect {
        Effect::Send { message: Message::Verdict(VerdictNotice { execution, won, publish, .. }), .. } => {
            Some((execution.number, *won, *publish))
        }
        _ => None,
    };
    effects.iter().filter_map(notice).collect()
}

/// To how many peers a message of a kind goes.
pub(crate) fn sent(effects: &[Effect], is: impl Fn(&Message) -> bool) -> Vec<PeerId> {
    let to = |effect: &Effect| match effect {
        Effect::Send { to, message } => is(message).then_some(*to),
        _ => None,
    };
    effects.iter().filter_map(to).collect()
}
