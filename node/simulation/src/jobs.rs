//! The jobs of a simulation and their results.

use bacalhau_receipt::{CallTrail, Claim, Outcome, Receipt, Unclaimed};
use bacalhau_tree::Link;
use libp2p::PeerId;

use super::Config;
use bacalhau_compute::Ran;
use bacalhau_identity::{Identity, receipts};
use bacalhau_job::{
    AnnouncedJob, Deal, ExecutionId, InputSpec, JobId, JobSpec, Request, Requester, Resources, SignedRequest,
};
use bacalhau_protocol::{PROTOCOL_VERSION, Versions};

/// No capacity at all.
pub const NOTHING: Resources = Resources { cpu_millis: 0, memory_bytes: 0, disk_bytes: 0 };

/// A sample deal.
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "confidence is at most the concurrency where this is called"
)]
pub fn deal(concurrency: u16, confidence: u16, min_bids: u16) -> Deal {
    Deal::new(concurrency, confidence).expect("a deal").with_min_bids(min_bids)
}

/// Versions of all simulated nodes.
pub fn versions() -> Versions {
    let profile = bacalhau_receipt::Job::new(Link::of_raw(b"module")).profile;
    Versions { semver: "0.0.0".into(), protocol: PROTOCOL_VERSION, profiles: vec![profile] }
}

/// The `number`-th job, about this data set, for this requester.
#[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "an ed25519 key always signs")]
pub fn job(
    config: &Config,
    client: &Identity,
    (number, data_set, shards): (usize, usize, u32),
    requester: PeerId,
    now_ms: u64,
) -> AnnouncedJob {
    let input = InputSpec { source: source(data_set), target: "/inputs".into() };
    let spec = JobSpec {
        inputs: vec![input.clone()],
        verifier: config.verifier,
        resources: Resources { cpu_millis: 1000, memory_bytes: 1 << 30, disk_bytes: 1 << 30 },
        timeout_seconds: config.timeout_seconds,
        private: config.private,
        ..JobSpec::wasm("data:,module", bacalhau_receipt::Job::new(Link::of_raw(b"module")), config.deal)
    };
    let request = Request { spec, nonce: number.to_string() };
    let request = SignedRequest::sign(request, client.keypair()).expect("a signature");
    AnnouncedJob {
        id: JobId::of(&request, &requester),
        request,
        requester: Requester { peer: requester, addrs: vec![format!("/memory/1/p2p/{requester}")] },
        shards: vec![vec![input]; shards as usize],
        created_ms: now_ms,
        bidding_ms: config.requester.bidding_ms,
        fair: None,
    }
}

fn source(data_set: usize) -> String {
    format!("ipfs://data-set-{data_set}")
}

/// The data set that a job is about.
pub(crate) fn data_set(job: &AnnouncedJob) -> Option<usize> {
    let input = job.shards.first()?.first()?;
    input.source.strip_prefix("ipfs://data-set-")?.parse().ok()
}

/// A run with this result, for which `identity` vouches.
pub fn ran(execution: &ExecutionId, h1: String, identity: &Identity) -> Box<Ran> {
    // Of the job itself only its name, which all runs of a shard share.
    let job = bacalhau_receipt::Job::new(Link::of_raw(b"module"));
    let job_cid = Link::of_raw(format!("{}:{}", execution.job, execution.shard).as_bytes());
    let claim = Claim::new(job, job_cid, Outcome::Exit(0), 1000, h1, Vec::new());
    let mut receipt = Receipt::new(claim, Unclaimed::default());
    receipts::sign(&mut receipt, identity);
    Box::new(Ran { receipt, calls: CallTrail::default() })
}
