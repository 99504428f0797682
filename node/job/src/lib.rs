//! Jobs as plain data: specs and signatures, ids, states, records, events. `requester` and `compute` decide.

mod announced;
pub mod audit;
mod brief;
mod command;
mod deal;
mod declined;
mod delivery;
mod docker;
pub mod draw;
mod event;
mod execution;
mod failure;
mod hash;
mod id;
mod memory;
mod operator;
mod record;
mod request;
mod selector;
mod spec;
mod state;
mod verdict;

use serde::Serialize;

pub use announced::{AnnouncedJob, Requester};
pub use audit::{AuditBeacon, AuditRecord};
pub use brief::{Announced, JobBrief, MAX_FULL_BYTES};
pub use command::{Action, CommandError, SignedCommand};
pub use deal::{Deal, DealError, MILLION, TooManyBids};
pub use declined::{DeclineReason, Declined, declines_in_words};
pub use delivery::Delivery;
pub use docker::{CONTAINER_MEMORY_BYTES, ContainerLimits, DockerSpec, container_memory, docker_profile};
pub use draw::{
    BeaconChain, BeaconRound, BidReceipt, Commitment, DrawMode, FairBidder, FairRecord, FairRound, FairTerms,
    Randomness, Revealed, Secret, Secrets, SetEntry, ShardRuns, SignedCommitment, UnknownDraw,
};
pub use event::{Event, EventKind};
pub use execution::{ExecutionQuery, ExecutionStatus};
pub use failure::FailureKind;
pub use hash::Hash256;
pub use id::{ExecutionId, IdError, JobId};
pub use operator::{Distinct, MinerClaim, Operator, OperatorProof, UnknownRule};
pub use record::{BidRecord, DrawRecord, ExecutionMemo, ExecutionRecord, Finding, JobRecord, ShardRecord};
pub use request::{Request, RequestError, SignedRequest};
pub use selector::{Comparison, Condition, MAX_CONDITIONS, SelectorError, parse_selector, unfulfilled};
pub use spec::{
    Engine, InputSpec, JobSpec, MAX_INPUTS, MAX_LABELS, MAX_QUEUE_SECONDS, MAX_REQUEST_BYTES, MAX_SHARDS,
    MAX_TIMEOUT_SECONDS, PublisherKind, Resources, Sharding, SpecError, VerifierKind, WasmSpec,
};
pub use state::{ExecutionState, JobState, ShardState};
pub use verdict::{Group, Rule, Verdict};

/// The canonical DAG-CBOR of plain data.
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "structs of strings, numbers, lists and maps with text keys always encode"
)]
pub fn to_dag_cbor(value: &impl Serialize) -> Vec<u8> {
    serde_ipld_dagcbor::to_vec(value).expect("plain data encodes")
}
