//! The requester's side of a job as a pure state machine: bids → acceptances, proposals → verdict → publication. It is
//! told what happened and what time it is, and answers what is to be done; the daemon does it. No clock, no network, no
//! randomness, no disk in here: the same inputs give the same outputs, which is what the simulation and the restart
//! after a crash rely on.

mod audit;
mod bids;
mod deadlines;
mod distinct;
mod draw;
mod evidence;
mod executions;
mod fair;
mod fair_shard;
mod live;
mod machine;
mod operators;
mod out;
mod proposals;
mod publish;
mod repeat;
mod resume;
mod shard;
mod stalled;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libp2p::PeerId;

use crate::job::{AnnouncedJob, BeaconChain, Distinct, DrawMode, Event, ExecutionId, JobId, MinerClaim, OperatorProof};
use crate::protocol::{Bid, DEFAULT_SILENCE_MS, Delivery, Message};

pub use distinct::one_of_each;
pub use draw::draw;
pub use evidence::findings;
pub use machine::Requester;
#[cfg(test)]
pub(crate) use repeat::repeat_by;
pub use repeat::{Repeated, repeat};

/// How long a verdict that nobody can change any more waits for those who have not spoken, in milliseconds: equal nodes
/// end within moments of each other, and who agreed is part of the answer. Whoever is slower than that is cancelled.
pub const STRAGGLERS_MS: u64 = 1_000;
/// How long a shard whose result is in, or will not come, waits for the receipts of those who proposed, in milliseconds.
/// They are sent before anything is published, so it is only waited for nodes that have gone.
pub const EVIDENCE_MS: u64 = 5_000;

/// Bounds in time and number, all of the requester's own.
#[derive(Clone, Debug)]
pub struct RequesterConfig {
    /// How long a shard waits for `min_bids` bids, and for replacements. Default 30 s. It is announced with the job.
    pub bidding_ms: u64,
    /// How long an accepted execution may be silent before it is given up. Its acceptance says so, and its provider
    /// sends a heartbeat in every third of it. Default 60 s.
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
    /// Which bidders count as one, for jobs that do not say it. Default: each counts.
    pub distinct: Distinct,
    /// How bidders are drawn, for jobs that do not say it. Default: fast.
    pub draw: DrawMode,
    /// After how long bidding closes in a fair draw. Default 2 s.
    pub fair_bidding_ms: u64,
    /// How long bidders may take to reveal their secrets in a fair draw. Default 2 s.
    pub reveal_ms: u64,
    /// The beacon whose rounds decide fair draws. Default: none, secrets of requester and bidders decide.
    pub beacon: Option<Arc<BeaconChain>>,
    /// Bytes of stored jobs of one client, which is told to wait beyond that. Default 256 MiB.
    pub client_bytes: u64,
    /// Operators that are known by name, for jobs that tell bidders apart by operator.
    pub operators: Arc<BTreeMap<PeerId, String>>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A job whose request was checked is to be done.
    Submit(AnnouncedJob),
    /// Its client takes it back.
    Cancel {
        /// The job.
        job: JobId,
        /// In words.
        why: String,
    },
    /// A provider says something. Its signature was checked; whether it may say it was not.
    Message {
        /// Who.
        from: PeerId,
        /// What.
        message: Message,
    },
    /// A bid, of a node whose address is seen.
    Bid {
        /// Whose.
        from: PeerId,
        /// What is offered.
        bid: Bid,
        /// The prefix of the address that the bidder is connected from; absent where it is not seen.
        prefix: Option<String>,
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
    /// A message of ours could not be delivered, however often it was tried, or was refused.
    Undelivered {
        /// To whom.
        to: PeerId,
        /// What.
        message: Message,
        /// In words.
        why: String,
    },
    /// What an execution published was fetched, and hashed: it is what was voted for, or the reason why it does not count.
    Collected {
        /// Whose results.
        execution: ExecutionId,
        /// Whether they are what they have to be.
        result: Result<(), String>,
    },
    /// What came of an [`Effect::Beacon`].
    Beacon {
        /// The job.
        job: JobId,
        /// The round.
        round: u64,
        /// Its signature in hexadecimal, which was checked, or why there is none.
        result: Result<String, String>,
    },
    /// This node itself did nothing for so long: its disk was slow, or the process was stopped. What others said in that
    /// time is still to be handled, so it does not count as their silence.
    HeldUp {
        /// Milliseconds.
        ms: u64,
    },
    /// Time has passed.
    Tick,
}

/// Something to be done, in this order, after the changes are on disk. Doing it twice must be no harm: after a crash it is
/// asked for again.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Tell everybody of the job.
    Announce(AnnouncedJob),
    /// Tell one node something, until it has taken it.
    Send {
        /// Whom.
        to: PeerId,
        /// What.
        message: Message,
    },
    /// Fetch what an execution published, hash it, keep it, and say [`Input::Collected`].
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

/// What has changed since it was last asked, to be put on disk before effects are carried out.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Jobs whose records changed: `Requester::record` has them.
    pub jobs: BTreeSet<JobId>,
    /// What happened to them, in order.
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
            client_bytes: 256 << 20,
            operators: Arc::default(),
        }
    }
}
