//! A requester's record of a job: stored on disk, shown by the API, printed by commands. It contains facts; times are
//! Unix milliseconds by the requester's clock.

use bacalhau_receipt::{CallTrail, Difference, Outcome, Publication, Receipt};
use bacalhau_tree::Link;
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::draw::FairRecord;
use super::{AnnouncedJob, AuditRecord, Distinct, ExecutionState, JobState, Operator, ShardState};
use super::{Delivery, FailureKind, Verdict};

/// A job and its progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobRecord {
    /// The announced job.
    pub job: AnnouncedJob,
    /// State of the job, a function of `shards`.
    pub state: JobState,
    /// Its shards, in order.
    pub shards: Vec<ShardRecord>,
    /// Its fair draws; absent where bidders are drawn fast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair: Option<FairRecord>,
    /// Time of the end.
    pub ended_ms: Option<u64>,
}

/// Progress of a shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShardRecord {
    /// State of the shard.
    pub state: ShardState,
    /// Operator mode of the deal, or the requester's default.
    #[serde(default, skip_serializing_if = "Distinct::is_none")]
    pub distinct: Distinct,
    /// Bids in order of arrival.
    pub bids: Vec<BidRecord>,
    /// The draws, which can be repeated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draws: Vec<DrawRecord>,
    /// Executions, in the order of their numbers, which count from 1.
    pub executions: Vec<ExecutionRecord>,
    /// Whether the only run was audited, once that is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditRecord>,
    /// The verdict, as soon as no further proposal can change it.
    pub verdict: Option<Verdict>,
    /// Number of the execution whose accepted result was published and verified.
    pub published: Option<u16>,
    /// Why there is no result, or what it waits for.
    pub why: Option<String>,
    /// Differences of executions from the winner, or without one from the first of the largest group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// A bid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BidRecord {
    /// Peer id of the bidder.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// Time of arrival.
    pub at_ms: u64,
    /// `None` while it waits, else whether it was accepted.
    pub accepted: Option<bool>,
    /// The operator of the bidder; absent where every peer id counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
}

/// A draw among bidders, by `requester::draw`, or by `job::draw` for fair draws.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrawRecord {
    /// Counted from 1 in the shard.
    pub round: u16,
    /// Time of the draw.
    pub at_ms: u64,
    /// Number of bids: the draw is among the first ones, whether still open or not. In a fair draw, the number of
    /// participants.
    pub bids: usize,
    /// The resulting executions: the first open bids in the order of the draw.
    pub executions: Vec<u16>,
    /// The fair draw of the job that this is, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair: Option<u16>,
}

/// An execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionRecord {
    /// Counted from 1 in the shard.
    pub number: u16,
    /// Peer id of its provider.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// The operator of the node that runs it; absent where every peer id counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// State of the execution.
    pub state: ExecutionState,
    /// When its bid was accepted.
    pub accepted_ms: u64,
    /// Time of its proposal or failure.
    pub ended_ms: Option<u64>,
    /// The hash that it proposed; empty if the proposal could not be read or belongs to something else.
    pub h1: Option<String>,
    /// The CID of the claim that it proposed.
    #[schema(value_type = Option<String>)]
    pub claim: Option<Link>,
    /// How the program ended, by its proposal.
    #[schema(value_type = Option<Object>)]
    pub outcome: Option<Outcome>,
    /// Fuel used, by its proposal.
    pub fuel: Option<u64>,
    /// Why it failed, its proposal is unreadable, or its publication is invalid.
    pub why: Option<String>,
    /// Its signed receipt, requested after the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub receipt: Option<Receipt>,
    /// The digests of its host calls, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub calls: Option<CallTrail>,
    /// Where the results can be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub publications: Vec<Publication>,
    /// State that its requester needs after a restart.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub memo: ExecutionMemo,
}

/// Internal state of a requester about an execution.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutionMemo {
    /// CID of its first encrypted proposal, as raw bytes: an equal one is a repetition, another one is equivocation.
    pub sealed: Option<Link>,
    /// Salt of its proposal, unique among executions.
    pub salt: Option<String>,
    /// Kind of failure, as reported by the provider.
    pub failure: Option<FailureKind>,
    /// How its results are fetched, once published.
    pub delivery: Option<Delivery>,
}

/// A difference between the results of two executions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// The execution that is described.
    pub execution: u16,
    /// The one with which it is compared.
    pub against: u16,
    /// Where their claims differ, files by name.
    #[schema(value_type = Vec<Object>)]
    pub differences: Vec<Difference>,
    /// The first different host call, as text; absent if unknown.
    pub parted: Option<String>,
}

impl JobRecord {
    /// A new job.
    pub fn new(job: AnnouncedJob) -> Self {
        let shards = job.shards.iter().map(|_| ShardRecord::default()).collect();
        let fair = job.fair.is_some().then(FairRecord::default);
        Self { job, state: JobState::Bidding, shards, fair, ended_ms: None }
    }
}

impl Default for ShardRecord {
    fn default() -> Self {
        Self {
            state: ShardState::Bidding,
            distinct: Distinct::None,
            bids: Vec::new(),
            draws: Vec::new(),
            executions: Vec::new(),
            audit: None,
            verdict: None,
            published: None,
            why: None,
            findings: Vec::new(),
        }
    }
}

impl ExecutionRecord {
    /// Its receipt, if it has shown it, with where the results can be had by now: a receipt is signed before it is published.
    pub fn receipt(&self) -> Option<Receipt> {
        let mut receipt = self.receipt.clone()?;
        receipt.unclaimed.published.clone_from(&self.publications);
        Some(receipt)
    }
}

impl ShardRecord {
    /// The execution with this number.
    pub fn execution(&self, number: u16) -> Option<&ExecutionRecord> {
        self.executions.get(usize::from(number).checked_sub(1)?)
    }
}
