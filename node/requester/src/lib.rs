//! The requester as a pure state machine: bids → accepts, proposals → verdict → publication. It receives inputs with
//! the time and returns effects, which the daemon performs. It has no clock, network, randomness or disk: equal inputs
//! have equal outputs, on which the simulation and recovery after a crash rely.

mod active_job;
mod audit;
mod bids;
mod deadlines;
mod distinct;
mod draw;
mod effects;
mod evidence;
mod executions;
mod fair;
mod fair_shard;
mod machine;
mod operators;
mod proposals;
mod publish;
mod queue;
mod queued;
mod repeat;
mod repeat_error;
mod resume;
mod shard;
mod stalled;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libp2p_identity::PeerId;

use bacalhau_job::{
    AnnouncedJob, BeaconChain, Delivery, Distinct, DrawMode, Event, ExecutionId, JobId, MinerClaim, OperatorProof,
};
use bacalhau_protocol::{Bid, DEFAULT_SILENCE_MS, Message};

pub use distinct::one_of_each;
pub use draw::draw;
pub use evidence::findings;
pub use machine::Requester;
pub use repeat::{Repeated, repeat, repeat_by};
pub use repeat_error::{Mismatch, RecordPart, RepeatError};

/// How long a decided verdict waits for outstanding proposals, in milliseconds: equal nodes finish within moments, and
/// the report lists all that agreed. Slower executions are cancelled.
pub const STRAGGLERS_MS: u64 = 1_000;
/// How long a finished shard waits for receipts, in milliseconds. They are sent before publication, so only failed
/// nodes are awaited.
pub const EVIDENCE_MS: u64 = 5_000;

/// Bounds in time and number, all of the requester's own.
#[derive(Clone, Debug)]
pub struct RequesterConfig {
    /// How long a shard waits for `min_bids` bids, and for replacements. Default 30 s. It is announced with the job.
    pub bidding_ms: u64,
    /// Heartbeat timeout of an execution. The accept message contains it; the provider sends a heartbeat in every third
    /// of it. Default 60 s.
    pub silence_ms: u64,
    /// How long beyond the job's own time-out an execution may take in all. Default 60 s.
    pub grace_ms: u64,
    /// How long a winner may take to publish. Default 10 min.
    pub publishing_ms: u64,
    /// Executions of one shard in all, as a multiple of its concurrency: bounds replacements. Default 3.
    pub tries: u16,
    /// After how long without any progress the reason is recorded as an event. Default 5 s.
    pub stalled_ms: u64,
    /// How often a job that lacks bids is announced again. Default 2 s.
    pub announce_ms: u64,
    /// Which bidders count as one, for jobs without this setting. Default: each counts.
    pub distinct: Distinct,
    /// How bidders are drawn, for jobs without this setting. Default: fast.
    pub draw: DrawMode,
    /// After how long bidding closes in a fair draw. Default 2 s.
    pub fair_bidding_ms: u64,
    /// How long bidders may take to reveal their secrets in a fair draw. Default 2 s.
    pub reveal_ms: u64,
    /// The beacon for fair draws. Default: none; secrets of requester and bidders decide.
    pub beacon: Option<Arc<BeaconChain>>,
    /// How long a job waits for busy providers, from its submission, for jobs without this setting. Default 1 h.
    pub queue_ms: u64,
    /// Maximum jobs that look for providers at once; the others wait in the queue. Default 64.
    pub bidding_jobs: usize,
    /// Maximum jobs without all of their executions. Default 20,000.
    pub queued_jobs: usize,
    /// Maximum such jobs of one client. Default 5,000.
    pub client_queued_jobs: usize,
    /// Weights of clients in the queue; others have 1.
    pub client_weights: Arc<BTreeMap<PeerId, u32>>,
    /// Maximum size of one client's stored jobs in bytes. Default 256 MiB.
    pub client_bytes: u64,
    /// Known operators of nodes, for jobs that distinguish bidders by operator.
    pub operators: Arc<BTreeMap<PeerId, String>>,
}

/// An input of the state machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// A client submits a job with a verified request.
    Submit(Box<AnnouncedJob>),
    /// Its client takes it back.
    Cancel {
        /// The job.
        job: JobId,
        /// The reason.
        why: String,
    },
    /// A message of a provider. Its signature was checked, its authority was not.
    Message {
        /// The sender.
        from: PeerId,
        /// The message.
        message: Message,
    },
    /// A bid of a node with a visible address.
    Bid {
        /// The bidder.
        from: PeerId,
        /// The bid.
        bid: Bid,
        /// The prefix of the address that the bidder is connected from; absent where it is not seen.
        prefix: Option<String>,
    },
    /// The result of an [`Task::LookUp`].
    LookedUp {
        /// The bidder.
        from: PeerId,
        /// Its bid.
        bid: Bid,
        /// How the claim is proved, or why it is not.
        result: Result<OperatorProof, String>,
    },
    /// A message of ours could not be delivered, however often it was tried, or was refused.
    Undelivered {
        /// The recipient.
        to: PeerId,
        /// The message.
        message: Message,
        /// The reason.
        why: String,
    },
    /// Published results were fetched and hashed: they match the vote, or the reason why not.
    Collected {
        /// The execution.
        execution: ExecutionId,
        /// Whether they match.
        result: Result<(), String>,
    },
    /// The result of an [`Task::Beacon`].
    Beacon {
        /// The job.
        job: JobId,
        /// Number of the round.
        round: u64,
        /// Its verified signature in hexadecimal, or why it is not available.
        result: Result<String, String>,
    },
    /// This node was blocked: its disk was slow, or the process was suspended. Messages of that time are still queued,
    /// so the time does not count as silence of peers.
    HeldUp {
        /// Duration in milliseconds.
        ms: u64,
    },
    /// Time has passed.
    Tick,
}

/// An action to perform in order, after the changes are on disk. Must be idempotent: after a crash it is repeated.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Announce the job to all nodes.
    Announce(AnnouncedJob),
    /// Send a message to a node, retrying until it is delivered.
    Send {
        /// The recipient.
        to: PeerId,
        /// The message.
        message: Message,
    },
    /// Work outside of the machine.
    Task(Task),
}

/// Work of a requester outside of its machine, which answers with an [`Input`].
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Fetch, hash and store published results: [`Input::Collected`].
    Collect {
        /// The execution.
        execution: ExecutionId,
        /// The provider.
        peer: PeerId,
        /// How to fetch them.
        delivery: Delivery,
        /// The required hash.
        h1: String,
    },
    /// Find out whether a bidder belongs to the storage provider that it claims to belong to: [`Input::LookedUp`].
    LookUp {
        /// The bidder.
        from: PeerId,
        /// Its bid.
        bid: Bid,
        /// The claimed storage provider.
        claim: MinerClaim,
    },
    /// Ask the beacon for a round: [`Input::Beacon`].
    Beacon {
        /// The job.
        job: JobId,
        /// Number of the round.
        round: u64,
    },
    /// Everything about the job has ended.
    Ended(JobId),
}

/// Changes to persist before effects are performed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Jobs with changed records, available from `Requester::record`.
    pub jobs: BTreeSet<JobId>,
    /// Their events, in order.
    pub events: Vec<Event>,
}

impl Default for RequesterConfig {
    fn default() -> Self {
        Self {
            bidding_ms: 30_000,
            silence_ms: DEFAULT_SILENCE_MS,
            grace_ms: 60_000,
            publishing_ms: 600_000,
            tries: 3,
            stalled_ms: 5_000,
            announce_ms: 2_000,
            distinct: Distinct::None,
            draw: DrawMode::Fast,
            fair_bidding_ms: 2_000,
            reveal_ms: 2_000,
            beacon: None,
            queue_ms: 3_600_000,
            bidding_jobs: 64,
            queued_jobs: 20_000,
            client_queued_jobs: 5_000,
            client_weights: Arc::default(),
            client_bytes: 256 << 20,
            operators: Arc::default(),
        }
    }
}
