//! What a provider knows of one job, and how it is kept on disk. Which step follows which is decided by the machine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::job::{Announced, AnnouncedJob, BidReceipt, JobBrief, Resources, SignedCommitment};
use crate::protocol::{Evidence, Proposal, Published};

/// The version of these records on disk.
const VERSION: u32 = 1;

/// A job and its shards on this node.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) job: Announced,
    /// When it was heard of last, by this node's clock: its bidding counts from here.
    pub(super) heard_ms: u64,
    /// Empty until the job has been assessed, then one for each shard.
    pub(super) shards: Vec<Shard>,
    /// The requester's receipt for this node's bid, in a fair draw.
    pub(super) receipt: Option<BidReceipt>,
    /// The latest commitment of a fair draw in which this node took part.
    pub(super) committed: Option<SignedCommitment>,
}

/// A record as it is written.
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

/// The same as it is read.
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

/// One shard.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shard {
    /// What an execution of it takes.
    pub(super) needs: Resources,
    pub(super) stage: Stage,
    /// How long the execution may be silent, as its acceptance says. Absent: the protocol's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) silence_ms: Option<u64>,
}

/// Where a shard stands here.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stage {
    /// Wanted as soon as there is room for it.
    Waiting,
    /// Not wanted now: too large, rejected, withdrawn, or the bidding is over. A new announcement opens it again.
    Idle,
    /// Offered for, unanswered; its capacity is reserved for a short time.
    Bid,
    /// Offered for, unanswered, and its capacity given back: an acceptance is taken if there is room, another announcement
    /// renews the offer.
    Lapsed,
    /// Accepted, and running or about to.
    Running(u16),
    /// Its proposal is out; the results are here.
    Proposed(Box<Proposed>),
    /// Was accepted once, and is over: one node never runs a shard twice.
    Over,
}

/// An execution that came to a result. Messages are kept as they were sent: a second proposal under another salt would
/// look like a change of mind.
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

/// How far an execution is after its proposal.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Step {
    /// No verdict is known.
    Sealed,
    /// It won, and another one publishes.
    Won,
    /// It is being published.
    Publishing,
    /// It was, or could not be.
    Published(Box<Published>),
}

impl Record {
    /// A job that has just been heard of.
    pub(super) fn new(job: Announced, heard_ms: u64) -> Self {
        Self { job, heard_ms, shards: Vec::new(), receipt: None, committed: None }
    }

    /// The shard with this number.
    pub(super) fn shard(&self, shard: u32) -> Option<&Shard> {
        self.shards.get(usize::try_from(shard).ok()?)
    }

    /// The same, to be changed.
    pub(super) fn shard_mut(&mut self, shard: u32) -> Option<&mut Shard> {
        self.shards.get_mut(usize::try_from(shard).ok()?)
    }

    /// Whether something of it has to outlive the process: an offer, or what came of one.
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
        crate::job::to_dag_cbor(&Written { version: VERSION, job, brief, heard_ms, shards, receipt, committed })
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// When it is none, or one of another version.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let wrong = |why: String| format!("a kept record of a job cannot be read: {why}");
        let Read { version, job, brief, heard_ms, shards, receipt, committed } =
            serde_ipld_dagcbor::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if version != VERSION {
            return Err(wrong(format!("it is of version {version}, and this program writes {VERSION}")));
        }
        let brief = brief.map(|brief| Announced::Brief(Arc::new(brief)));
        let job = job.map(Announced::from).or(brief).ok_or_else(|| wrong("it is of no job".into()))?;
        Ok(Self { job, heard_ms, shards, receipt, committed })
    }
}

impl Stage {
    /// The number of the execution that runs.
    pub(super) fn running(&self) -> Option<u16> {
        if let Self::Running(number) = self { Some(*number) } else { None }
    }

    /// Whether it has to outlive the process.
    pub(super) fn is_kept(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Idle)
    }

    /// Whether something may still come of it.
    pub(super) fn is_live(&self) -> bool {
        !matches!(self, Self::Idle | Self::Over)
    }
}
