//! What a requester knows of a job: the one value that is kept on disk, shown by the API and printed by the command. All
//! of it is facts; times are Unix milliseconds by the requester's clock.

use bacalhau_runtime::{CallTrail, Difference, Link, Outcome, Publication, Receipt};
use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::draw::FairRecord;
use super::{AnnouncedJob, AuditRecord, Distinct, ExecutionState, JobState, Operator, ShardState};
use crate::protocol::{Delivery, FailureKind};
use crate::verify::Verdict;

/// A job and what became of it so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobRecord {
    /// The job.
    pub job: AnnouncedJob,
    /// Where it stands: a function of `shards`.
    pub state: JobState,
    /// Its shards, in order.
    pub shards: Vec<ShardRecord>,
    /// Its fair draws; absent where bidders are drawn fast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair: Option<FairRecord>,
    /// When it came to its end.
    pub ended_ms: Option<u64>,
}

/// What became of one shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShardRecord {
    /// Where it stands.
    pub state: ShardState,
    /// Which bidders count as one: what the deal says, or else the requester.
    #[serde(default, skip_serializing_if = "Distinct::is_none")]
    pub distinct: Distinct,
    /// Who offered to run it, in the order in which the bids came.
    pub bids: Vec<BidRecord>,
    /// The draws among them, which anybody can repeat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draws: Vec<DrawRecord>,
    /// Executions, in the order of their numbers, which count from 1.
    pub executions: Vec<ExecutionRecord>,
    /// Whether the only run was audited, once that is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditRecord>,
    /// The verdict, as soon as no further proposal can change it.
    pub verdict: Option<Verdict>,
    /// The number of the execution whose result stands and was published and checked.
    pub published: Option<u16>,
    /// Why there is no result, or what it waits for.
    pub why: Option<String>,
    /// Where results of the shard differ: what is known of each execution that does not agree with the winner, or, where
    /// nobody won, with the first of the largest group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BidRecord {
    /// Whose.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// When it came.
    pub at_ms: u64,
    /// `None` while it waits, else whether it was accepted.
    pub accepted: Option<bool>,
    /// The operator of the bidder; absent where every peer id counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
}

/// A draw among bidders, made as `requester::draw` says, or as `job::draw` says of fair draws.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrawRecord {
    /// Counted from 1 in the shard.
    pub round: u16,
    /// When.
    pub at_ms: u64,
    /// How many bids were in: the draw is among the first so many, whether they were still open or not. In a fair draw, how
    /// many bidders took part.
    pub bids: usize,
    /// The executions that came of it: the first in the order of the draw whose bids were open.
    pub executions: Vec<u16>,
    /// The fair draw of the job that this is, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair: Option<u16>,
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionRecord {
    /// Counted from 1 in the shard.
    pub number: u16,
    /// Who runs it.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// The operator of the node that runs it; absent where every peer id counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// Where it stands.
    pub state: ExecutionState,
    /// When its bid was accepted.
    pub accepted_ms: u64,
    /// When its proposal came, or it failed.
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
    /// What went wrong, in words: why it failed, why its proposal cannot be read, why what it published does not count.
    pub why: Option<String>,
    /// Its signed receipt, once it has been asked for: after the verdict.
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
    /// What its requester has to remember of it over a restart.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub memo: ExecutionMemo,
}

/// What a requester remembers of an execution, and nobody else needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutionMemo {
    /// The CID of its first sealed proposal, as raw bytes: the same again is a repetition, another one is a contradiction.
    pub sealed: Option<Link>,
    /// The salt of its proposal: no other execution has the same.
    pub salt: Option<String>,
    /// Whose failure it is, in the word of the provider.
    pub failure: Option<FailureKind>,
    /// How its results are fetched, once it said that they are published.
    pub delivery: Option<Delivery>,
}

/// How the result of one execution differs from that of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// The execution that is described.
    pub execution: u16,
    /// The one with which it is compared.
    pub against: u16,
    /// Where their claims differ, files by name.
    #[schema(value_type = Vec<Object>)]
    pub differences: Vec<Difference>,
    /// The first host call at which the runs parted, in words; absent where that is not known.
    pub parted: Option<String>,
}

impl JobRecord {
    /// A job of which nothing is known yet.
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
