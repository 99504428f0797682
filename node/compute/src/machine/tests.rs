//! The machine as a requester and a driver see it: what goes in, what has to come out.

mod any_input;
mod capacity;
mod declining;
mod drawing;
mod executions;
mod fetching;
mod later;
mod offers;
mod restarts;

use crate::Task;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bacalhau_receipt::{CallTrail, Claim, Job, Outcome, Profile, Receipt, Unclaimed};
use bacalhau_tree::Link;
use libp2p_identity::Keypair;
use libp2p_identity::PeerId;

use super::super::{ComputeConfig, DiskSpace, Effect, FetchLimits, HeldLimits, Input, News, OfferLimits, Ran};
use super::Compute;
use bacalhau_job::{
    AnnouncedJob, Deal, DeclineReason, Declined, Delivery, Engine, ExecutionId, FailureKind, InputSpec, JobId, JobSpec,
    Request, Requester, Resources, SignedRequest,
};
use bacalhau_protocol::{
    Accept, Ballot, Bid, Cancel, Collected, Message, PROTOCOL_VERSION, Reject, Running, VerdictNotice, Versions,
};
use bacalhau_values::hex::Hex;
use bacalhau_verify::{Seal, SealError};

/// What every shard of these tests needs, in thousandths of a core.
const NEED: u64 = 1000;

/// Seals nothing; every salt is another one.
#[derive(Default)]
struct Open(AtomicU64);

impl Seal for Open {
    fn salt(&self) -> Result<String, SealError> {
        Ok(format!("{:032x}", self.0.fetch_add(1, Ordering::Relaxed)))
    }

    fn seal(&self, ballot: &Ballot) -> Result<Vec<u8>, SealError> {
        Ok(serde_json::to_vec(ballot).unwrap())
    }

    fn open(&self, sealed: &[u8]) -> Result<Ballot, SealError> {
        serde_json::from_slice(sealed).map_err(|error| SealError::Ballot(error.to_string()))
    }

    fn seal_spec(&self, spec: &[u8], _: &PeerId) -> Result<Vec<u8>, SealError> {
        Ok(spec.to_vec())
    }

    fn open_spec(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(sealed.to_vec())
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(text.to_vec())
    }

    fn is_signed(&self, signer: &PeerId, text: &[u8], with: &str) -> bool {
        signed(signer, text) == with
    }
}

/// What stands for a signature of a requester.
fn signed(signer: &PeerId, text: &[u8]) -> String {
    Hex(&[&signer.to_bytes(), text].concat()).to_string()
}

fn peer() -> PeerId {
    Keypair::generate_ed25519().public().to_peer_id()
}

fn versions() -> Versions {
    Versions { semver: "0.1.0".into(), protocol: PROTOCOL_VERSION, profiles: vec![Profile::V1.id()] }
}

fn config() -> ComputeConfig {
    let total = Resources { disk_bytes: 10 * NEED, ..amount(2 * NEED) };
    let offers = OfferLimits { requester_percent: 100, client_percent: 100, ..OfferLimits::default() };
    ComputeConfig {
        total,
        per_job: total,
        jobs: 100,
        assessing: 2,
        keep_ms: 1_000_000,
        offers,
        fetches: FetchLimits::default(),
        held: HeldLimits::default(),
        disk: DiskSpace::default(),
        miner: None,
        beacons: Arc::new(vec![bacalhau_job::BeaconChain::quicknet()]),
    }
}

fn amount(amount: u64) -> Resources {
    Resources { cpu_millis: amount, memory_bytes: amount, disk_bytes: amount }
}

fn provider() -> Compute {
    Compute::new(peer(), versions(), config(), Arc::new(Open::default()))
}

/// A job of so many shards whose bidding takes 30 s.
fn job(requester: PeerId, shards: usize) -> Arc<AnnouncedJob> {
    Arc::new(plain_job(requester, shards))
}

fn plain_job(requester: PeerId, shards: usize) -> AnnouncedJob {
    let job = Job::new(Link::of_raw(b"module"));
    let spec = JobSpec { timeout_seconds: 60, ..JobSpec::wasm("data:,module", job, Deal::new(1, 0).unwrap()) };
    let request = Request { spec, nonce: peer().to_string() };
    let request = SignedRequest::sign(request, &Keypair::generate_ed25519()).unwrap();
    let shards: Vec<Vec<InputSpec>> = vec![Vec::new(); shards];
    let id = JobId::of(&request, &requester);
    let requester = Requester { peer: requester, addrs: Vec::new() };
    AnnouncedJob { id, request, requester, shards, created_ms: 0, bidding_ms: 30_000, fair: None }
}

fn announced(job: &Arc<AnnouncedJob>) -> Input {
    Input::Announced { job: Arc::clone(job).into(), versions: versions() }
}

fn assessed(job: &AnnouncedJob, need: u64) -> Input {
    Input::Assessed { job: job.id, result: Ok(vec![Some(amount(need)); job.shards.len()]) }
}

fn says(from: PeerId, message: Message) -> Input {
    Input::Message { from, message }
}

fn accept(job: &AnnouncedJob, shard: u32, number: u16) -> Input {
    says(job.requester.peer, Message::Accept(Accept::new(job.id.execution(shard, number), 60_000)))
}

fn verdict(execution: ExecutionId, won: bool, publish: bool) -> Message {
    Message::Verdict(VerdictNotice { execution, won, publish, evidence: false })
}

fn stopped(execution: ExecutionId) -> Input {
    Input::Ran { execution, result: Err((FailureKind::Withdrawn, "it was stopped".into())) }
}

fn ran(execution: ExecutionId) -> Input {
    let job = Job::new(Link::of_raw(b"module"));
    let job_cid = job.cid().unwrap();
    let claim = Claim::new(job, job_cid, Outcome::Exit(0), 7, "h1:result".into(), Vec::new());
    let receipt = Receipt::new(claim, Unclaimed::default());
    Input::Ran { execution, result: Ok(Box::new(Ran { receipt, calls: CallTrail::default() })) }
}

/// The messages among `effects`, which all go to the job's requester.
fn sent(job: &AnnouncedJob, effects: &[Effect]) -> Vec<Message> {
    let message = |effect: &Effect| match effect {
        Effect::Send { to, message } => {
            assert_eq!(*to, job.requester.peer);
            Some(message.clone())
        }
        _ => None,
    };
    effects.iter().filter_map(message).collect()
}

/// The shards that are offered for by `effects`.
fn bids(effects: &[Effect]) -> Vec<u32> {
    let bid = |effect: &Effect| match effect {
        Effect::Send { message: Message::Bid(bid), .. } => Some(bid.shards.clone()),
        _ => None,
    };
    effects.iter().filter_map(bid).flatten().collect()
}

/// The heartbeats that begin, by their interval, and end.
fn heartbeats(effects: &[Effect]) -> Vec<Option<u64>> {
    let heartbeat = |effect: &Effect| match effect {
        Effect::StartHeartbeat { every_ms, .. } => Some(Some(*every_ms)),
        Effect::StopHeartbeat(_) => Some(None),
        _ => None,
    };
    effects.iter().filter_map(heartbeat).collect()
}

/// A provider that has offered for the one shard of a job.
fn after_bid() -> (Compute, Arc<AnnouncedJob>) {
    let (mut provider, job) = (provider(), job(peer(), 1));
    assert_eq!(provider.handle(0, announced(&job)), [Effect::Task(Task::Assess(Arc::clone(&job).into()))]);
    let bid = Bid { job: job.id, shards: vec![0], versions: versions(), claim: None, commit: None };
    let bid = Effect::Send { to: job.requester.peer, message: Message::Bid(bid) };
    assert_eq!(provider.handle(0, assessed(&job, NEED)), [bid]);
    (provider, job)
}

/// One that runs it as its first execution.
fn while_it_runs() -> (Compute, Arc<AnnouncedJob>, ExecutionId) {
    let (mut provider, job) = after_bid();
    let execution = job.id.execution(0, 1);
    let effects = provider.handle(1, accept(&job, 0, 1));
    let heartbeat = Effect::StartHeartbeat { execution, to: job.requester.peer, every_ms: 20_000 };
    assert_eq!(effects[..2], [heartbeat, Effect::Task(Task::Run { execution, job: Arc::clone(&job) })]);
    assert_eq!(sent(&job, &effects), [Message::Running(Running { execution })]);
    (provider, job, execution)
}

/// One that has proposed.
fn after_proposal() -> (Compute, Arc<AnnouncedJob>, ExecutionId, Message) {
    let (mut provider, job, execution) = while_it_runs();
    let messages = sent(&job, &provider.handle(2, ran(execution)));
    let [proposal @ Message::Proposal(_)] = &messages[..] else { panic!("{messages:?}") };
    (provider, job, execution, proposal.clone())
}

fn assert_nothing_left(provider: &mut Compute, job: &AnnouncedJob) {
    assert_eq!(provider.ledger.reserved(), amount(0));
    assert_eq!(provider.record(&job.id), None);
    assert!(provider.take_changes().contains(&job.id), "its record has to go from the disk");
    assert_eq!(provider.deadline(), None);
    assert!(is_idle(provider));
}

fn is_idle(provider: &Compute) -> bool {
    provider.running() == 0 && !provider.hands_over(|_| true)
}
