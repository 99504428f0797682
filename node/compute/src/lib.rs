//! The provider: which jobs to bid on, and accepted executions from start to end. Decisions are a pure state machine,
//! as in `requester`; drivers run, publish and examine the host.

mod assess;
mod capacity;
mod collect;
mod compile;
mod declines;
mod deliver;
mod dispatch;
mod errors;
mod execution_context;
mod executor;
mod fetches;
mod finished_jobs;
mod held;
mod job_inputs;
mod leftovers;
mod load;
mod machine;
mod maxima;
mod module_source;
mod news;
mod offers;
mod policy;
mod probe;
mod record;
mod runner;
mod single_flight_cache;
mod timers;

use std::sync::Arc;

use bacalhau_receipt::{CallTrail, Publication, Receipt};
use libp2p_identity::PeerId;

use bacalhau_job::{
    Announced, AnnouncedJob, BeaconChain, Declined, Delivery, ExecutionId, FailureKind, JobBrief, JobId, MinerClaim,
    Resources,
};
use bacalhau_protocol::{Message, Refusal, Versions};

pub use assess::Assessor;
pub use collect::Collector;
pub use compile::{CompileCommand, CompileLimits, CompileReport, Compilers};
pub use deliver::{Deliverer, IsLocal};
pub use dispatch::{DispatchConfig, WorkerSettings, execute};
pub use errors::{CollectError, DeliverError, EngineError, MissingPublisher, RecordError};
pub use execution_context::ExecutionContext;
pub use executor::{Container, Docker, Executor, Executors, Run};
pub use fetches::FetchLimits;
pub use held::HeldLimits;
pub use leftovers::needed;
pub use machine::Compute;
pub use maxima::Maxima;
pub use news::{DrawNews, News};
pub use offers::OfferLimits;
pub use policy::{Locality, Policy};
pub use probe::{Probe, ProbeError};
pub use runner::{Runner, Sign};

/// Configuration of a provider.
#[derive(Clone, Debug)]
pub struct ComputeConfig {
    /// Capacity of all executions together. Bids reserve it.
    pub total: Resources,
    /// Capacity of one execution.
    pub per_job: Resources,
    /// Maximum known jobs, bidding or running; more are ignored.
    pub jobs: usize,
    /// Maximum concurrent assessments.
    pub assessing: usize,
    /// How long results are kept for a requester that does not fetch them, in milliseconds. Default 1 h.
    pub keep_ms: u64,
    /// Limits on unanswered bids.
    pub offers: OfferLimits,
    /// Limits on specs being fetched.
    pub fetches: FetchLimits,
    /// Limits on the memory of announced jobs that do not run.
    pub held: HeldLimits,
    /// Initial state of the disk. Default: unlimited space.
    pub disk: DiskSpace,
    /// The storage provider of Filecoin that this node belongs to, sent with bids on jobs that distinguish bidders by
    /// operator.
    pub miner: Option<MinerClaim>,
    /// Beacons accepted for fair draws.
    pub beacons: Arc<Vec<BeaconChain>>,
}

/// An input of the state machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// A job was announced. The signer of the announcement is its requester.
    Announced {
        /// The job.
        job: Announced,
        /// Versions of its requester.
        versions: Versions,
    },
    /// The result of an [`Task::Fetch`].
    Fetched {
        /// The announced brief.
        brief: Arc<JobBrief>,
        /// The announced job, or why its spec is not available.
        result: Result<Arc<AnnouncedJob>, String>,
    },
    /// A job was assessed: the needs of one execution of each shard, `None` for a rejected shard; or why the whole job
    /// is rejected.
    Assessed {
        /// The job.
        job: JobId,
        /// Needs by shard.
        result: Result<Vec<Option<Resources>>, Declined>,
    },
    /// A message from a requester. Its signature was checked, its authority was not.
    Message {
        /// The sender.
        from: PeerId,
        /// The message.
        message: Message,
    },
    /// A message could not be delivered after all retries, or was rejected.
    Undelivered {
        /// The recipient.
        to: PeerId,
        /// The message.
        message: Message,
        /// The recipient's reason, if it rejected the message.
        refusal: Option<Refusal>,
    },
    /// An execution has ended.
    Ran {
        /// The execution.
        execution: ExecutionId,
        /// Its result.
        result: Result<Box<Ran>, (FailureKind, String)>,
    },
    /// An execution's results were published and can be delivered, or not.
    Published {
        /// The execution.
        execution: ExecutionId,
        /// Places of the results.
        result: Result<(Delivery, Vec<Publication>), String>,
    },
    /// The new state of the disk.
    Disk(DiskSpace),
    /// Stop bidding; running executions continue.
    Drain,
    /// Time has passed.
    Tick,
}

/// Disk space for executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// Whether no execution may start for lack of space.
    pub full: bool,
    /// Bytes that executions may still write.
    pub room_bytes: u64,
}

impl Default for DiskSpace {
    fn default() -> Self {
        Self { full: false, room_bytes: u64::MAX }
    }
}

/// A run with a result.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The receipt, signed by this node.
    pub receipt: Receipt,
    /// Its host calls.
    pub calls: CallTrail,
}

/// An action to perform after the changes are on disk. Must be idempotent.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send a message to a node, retrying until it is delivered.
    Send {
        /// The recipient.
        to: PeerId,
        /// The message.
        message: Message,
    },
    /// Send a message to a node once, without retries.
    SendOnce {
        /// The recipient.
        to: PeerId,
        /// Multiaddrs of the recipient.
        addrs: Vec<String>,
        /// The message.
        message: Message,
    },
    /// Start regular heartbeats of an execution to its requester, independently of other work, so that a slow disk does
    /// not look like a failed node. Replaces an earlier heartbeat of the execution.
    StartHeartbeat {
        /// The execution.
        execution: ExecutionId,
        /// The requester.
        to: PeerId,
        /// Interval in milliseconds.
        every_ms: u64,
    },
    /// Stop the heartbeats of an execution.
    StopHeartbeat(ExecutionId),
    /// Work outside of the machine.
    Task(Task),
}

/// Work of a provider outside of its machine, which answers with an [`Input`].
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Assess the job: `Input::Assessed`.
    Assess(Announced),
    /// Fetch the spec of a job from its requester and check it: `Input::Fetched`.
    Fetch(Arc<JobBrief>),
    /// Run an execution: `Input::Ran`. Existing results are returned as they are.
    Run {
        /// The execution.
        execution: ExecutionId,
        /// Its job.
        job: Arc<AnnouncedJob>,
    },
    /// Stop an execution that is not needed any more, as soon as possible.
    Stop(ExecutionId),
    /// Publish results: `Input::Published`.
    Publish {
        /// The execution.
        execution: ExecutionId,
        /// Its job, which names the publishers.
        job: Arc<AnnouncedJob>,
        /// The required hash.
        h1: String,
    },
    /// Delete all data of an execution, including its results.
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
