//! The provider's side: which jobs to bid on, and accepted executions from end to end. The decisions are a pure state
//! machine, as in `requester`; running, publishing and looking at the machine are done by drivers beside it.

mod assess;
mod capacity;
mod collect;
mod compile;
mod declines;
mod deliver;
mod executor;
mod fetches;
mod held;
mod leftovers;
mod machine;
mod maxima;
mod news;
mod offers;
mod once;
mod past;
mod policy;
mod probe;
mod record;
mod runner;
mod timers;
mod workbench;

use std::sync::Arc;

use bacalhau_runtime::{CallTrail, Publication, Receipt};
use libp2p::PeerId;

use crate::job::{Announced, AnnouncedJob, BeaconChain, Declined, ExecutionId, JobBrief, JobId, MinerClaim, Resources};
use crate::protocol::{Delivery, FailureKind, Message, Refusal, Versions};

pub use assess::Assessor;
pub use collect::Collector;
pub use compile::{CompileCommand, CompileLimits, CompileReport, Compilers};
pub use deliver::{Deliverer, Here};
pub use executor::{Container, Docker, Executor, Executors, Run};
pub use fetches::FetchLimits;
pub use held::HeldLimits;
pub(crate) use leftovers::needed;
pub use machine::Compute;
pub use maxima::Maxima;
pub use news::{DrawNews, News};
pub use offers::OfferLimits;
pub use policy::{Locality, Policy};
pub use probe::Probe;
pub use runner::{Runner, Sign};
pub use workbench::Workbench;

/// Bounds of a provider.
#[derive(Clone, Debug)]
pub struct ComputeConfig {
    /// What all executions together may take. Bids reserve it.
    pub total: Resources,
    /// What one execution may take.
    pub per_job: Resources,
    /// Jobs of which it knows at once, bidding or running; more are not looked at.
    pub jobs: usize,
    /// Jobs that are being assessed at once.
    pub assessing: usize,
    /// How long results are kept for a requester that does not ask for them. Default 1 h.
    pub keep_ms: u64,
    /// Bounds of bids that are not answered yet.
    pub offers: OfferLimits,
    /// Bounds of specs that are being fetched.
    pub fetches: FetchLimits,
    /// Bounds of the memory of announced jobs that do not run.
    pub held: HeldLimits,
    /// The disk as it is at first. Default: room for everything.
    pub disk: DiskSpace,
    /// The storage provider of Filecoin that this node belongs to: said with bids on jobs that tell bidders apart by
    /// operator.
    pub miner: Option<MinerClaim>,
    /// Beacons whose rounds may decide draws in which this node takes part.
    pub beacons: Arc<Vec<BeaconChain>>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A job was announced. The announcement's signer is its requester.
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
    /// The policy has looked at a job: what one execution of each shard would take, `None` for a shard that is none for this
    /// node; or why the whole job is none.
    Assessed {
        /// The job.
        job: JobId,
        /// By shard.
        result: Result<Vec<Option<Resources>>, Declined>,
    },
    /// A requester says something. Its signature was checked; whether it may say it was not.
    Message {
        /// Who.
        from: PeerId,
        /// What.
        message: Message,
    },
    /// A message of ours could not be delivered, however often it was tried, or was refused.
    Undelivered {
        /// To whom.
        to: PeerId,
        /// What.
        message: Message,
        /// The other side's reason, where it refused the message.
        refusal: Option<Refusal>,
    },
    /// An execution has ended.
    Ran {
        /// Which.
        execution: ExecutionId,
        /// What came of it.
        result: Result<Box<Ran>, (FailureKind, String)>,
    },
    /// An execution's results were published and can be delivered, or not.
    Published {
        /// Which.
        execution: ExecutionId,
        /// Where.
        result: Result<(Delivery, Vec<Publication>), String>,
    },
    /// The state of the disk, as it has changed.
    Disk(DiskSpace),
    /// Bid no more; what runs goes on.
    Drain,
    /// Time has passed.
    Tick,
}

/// What there is of the disk for executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Whether so little is left that no execution may begin.
    pub full: bool,
    /// Bytes that executions may still write.
    pub room_bytes: u64,
}

impl Default for DiskSpace {
    fn default() -> Self {
        Self { full: false, room_bytes: u64::MAX }
    }
}

/// A run that came to a result.
#[derive(Clone, Debug)]
pub struct Ran {
    /// What it claims, signed by this node.
    pub receipt: Receipt,
    /// Its host calls.
    pub calls: CallTrail,
}

/// Something to be done, after the changes are on disk. Doing it twice must be no harm.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Find out whether this node wants the job, and what it would take: `Input::Assessed`.
    Assess(Announced),
    /// Fetch the spec of a job from its requester and check it: `Input::Fetched`.
    Fetch(Arc<JobBrief>),
    /// Tell one node something, until it has taken it.
    Send {
        /// Whom.
        to: PeerId,
        /// What.
        message: Message,
    },
    /// Tell one node something, and try only once: nothing depends on it.
    SendOnce {
        /// Whom.
        to: PeerId,
        /// Multiaddrs at which it may be reached.
        addrs: Vec<String>,
        /// What.
        message: Message,
    },
    /// Run an execution: `Input::Ran`. If its results are there already, they are the answer.
    Run {
        /// Which.
        execution: ExecutionId,
        /// Of which job.
        job: Arc<AnnouncedJob>,
    },
    /// Tell a requester from now on, every so often, that an execution runs: beside everything else that the node does,
    /// so that a slow disk is not taken for a node that is gone. Replaces the heartbeat that the execution has.
    StartHeartbeat {
        /// Which execution.
        execution: ExecutionId,
        /// The requester.
        to: PeerId,
        /// Milliseconds between two heartbeats.
        every_ms: u64,
    },
    /// Send no more heartbeats of an execution.
    StopHeartbeat(ExecutionId),
    /// An execution is not needed any more: end it as soon as that can be done.
    Stop(ExecutionId),
    /// Make results available: `Input::Published`.
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
}

impl Default for ComputeConfig {
    fn default() -> Self {
        let all = Resources { cpu_millis: 1000, memory_bytes: 4 << 30, disk_bytes: 16 << 30 };
        Self {
            total: all,
            per_job: all,
            jobs: 10_000,
            assessing: 16,
            keep_ms: 3_600_000,
            offers: OfferLimits::default(),
            fetches: FetchLimits::default(),
            held: HeldLimits::default(),
            disk: DiskSpace::default(),
            miner: None,
            beacons: Arc::new(vec![BeaconChain::quicknet()]),
        }
    }
}
