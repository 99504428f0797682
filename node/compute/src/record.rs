//! A provider's record of one job, and its encoding on disk. The state machine decides transitions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RecordError;
use bacalhau_job::{Announced, AnnouncedJob, BidReceipt, JobBrief, Resources, SignedCommitment};
use bacalhau_protocol::{Evidence, Proposal, Published};

/// Version of the encoding.
const VERSION: u32 = 1;

/// A job and its shards on this node.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) job: Announced,
    /// When it was last announced, by this node's clock; its bidding time counts from here.
    pub(super) heard_ms: u64,
    /// Empty until assessment, then one for each shard.
    pub(super) shards: Vec<Shard>,
    /// The requester's receipt for this node's bid in a fair draw.
    pub(super) receipt: Option<BidReceipt>,
    /// The latest commitment of a fair draw with this node.
    pub(super) committed: Option<SignedCommitment>,
}

/// A record to be encoded.
#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a AnnouncedJob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brief: Option<&'a JobBrief>,
    heard_ms: u64,
    shards: &'a [Shard],
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a BidReceipt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed: Option<&'a SignedCommitment>,
}

/// A decoded record.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    version: u32,
    job: Option<AnnouncedJob>,
    brief: Option<JobBrief>,
    heard_ms: u64,
    shards: Vec<Shard>,
    receipt: Option<BidReceipt>,
    committed: Option<SignedCommitment>,
}

/// A shard.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shard {
    /// Needs of an execution.
    pub(super) needs: Resources,
    pub(super) stage: Stage,
    /// Heartbeat timeout by the accept message. Absent: the protocol's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) silence_ms: Option<u64>,
}

/// Stage of a shard on this node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// Waits for capacity.
    Waiting,
    /// Not offered: too large, rejected, withdrawn, or bidding is over. A new announcement reconsiders it.
    Idle,
    /// Offered and unanswered; its capacity is reserved for a short time.
    Bid,
    /// Offered and unanswered, with its capacity released: an accept is honoured if there is capacity, and another
    /// announcement renews the offer.
    Lapsed,
    /// Accepted; running or about to.
    Running(u16),
    /// Proposed; the results are here.
    Proposed(Box<Proposed>),
    /// Was accepted once and is over: a node never runs a shard twice.
    Over,
}

/// An execution with a result. Messages are stored as sent: a second proposal with another salt would look like
/// equivocation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proposed {
    pub(super) number: u16,
    pub(super) h1: String,
    pub(super) proposal: Proposal,
    pub(super) evidence: Evidence,
    /// Whether the requester has asked for it.
    pub(super) evidence_wanted: bool,
    pub(super) step: Step,
}

/// Progress of an execution after its proposal.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    /// No verdict yet.
    Sealed,
    /// It won, and another execution publishes.
    Won,
    /// Its publication is in progress.
    Publishing,
    /// It was published, or could not be.
    Published(Box<Published>),
}

impl Record {
    /// A newly announced job.
    pub(super) fn new(job: Announced, heard_ms: u64) -> Self {
        Self { job, heard_ms, shards: Vec::new(), receipt: None, committed: None }
    }

    /// The shard with this number.
    pub(super) fn shard(&self, shard: u32) -> Option<&Shard> {
        self.shards.get(usize::try_from(shard).ok()?)
    }

    /// The shard with this number, mutable.
    pub(super) fn shard_mut(&mut self, shard: u32) -> Option<&mut Shard> {
        self.shards.get_mut(usize::try_from(shard).ok()?)
    }

    /// Whether the job must survive a restart: it has an offer, or a result of one.
    pub(super) fn is_kept(&self) -> bool {
        self.shards.iter().any(|shard| shard.stage.is_kept())
    }

    /// The canonical encoding.
    pub(super) fn encode(&self) -> Vec<u8> {
        let (job, brief) = match &self.job {
            Announced::Full(job) => (Some(job.as_ref()), None),
            Announced::Brief(brief) => (None, Some(brief.as_ref())),
        };
        let Self { heard_ms, shards, receipt, committed, .. } = self;
        let (receipt, committed) = (receipt.as_ref(), committed.as_ref());
        let heard_ms = *heard_ms;
        bacalhau_job::to_dag_cbor(&Written { version: VERSION, job, brief, heard_ms, shards, receipt, committed })
    }

    /// Decodes a record.
    ///
    /// # Errors
    /// When it is invalid or of another version.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let Read { version, job, brief, heard_ms, shards, receipt, committed } =
            serde_ipld_dagcbor::from_slice(bytes).map_err(|error| RecordError::Invalid(error.to_string()))?;
        if version != VERSION {
            return Err(RecordError::Version { found: version, written: VERSION });
        }
        let brief = brief.map(|brief| Announced::Brief(Arc::new(brief)));
        let job = job.map(Announced::from).or(brief).ok_or(RecordError::NoJob)?;
        Ok(Self { job, heard_ms, shards, receipt, committed })
    }
}

impl Stage {
    /// The number of the running execution.
    pub(super) fn running(&self) -> Option<u16> {
        if let Self::Running(number) = self { Some(*number) } else { None }
    }

    /// Whether it must survive a restart.
    pub(super) fn is_kept(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Idle)
    }

    /// Whether it can still have a result.
    pub(super) fn is_live(&self) -> bool {
        !matches!(self, Self::Idle | Self::Over)
    }
}
