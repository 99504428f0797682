//! What is asked for and what becomes of it, as plain data that every room may read: specs and their signatures, names,
//! states, records, events. Nothing here decides anything; `requester` and `compute` do.

mod announced;
pub mod audit;
mod brief;
mod deal;
mod declined;
mod docker;
pub mod draw;
mod event;
mod execution;
mod hash;
mod id;
mod memory;
mod operator;
mod record;
mod request;
mod spec;
mod state;

use serde::Serialize;

pub use announced::{AnnouncedJob, Requester};
pub use audit::{AuditBeacon, AuditRecord};
pub use brief::{Announced, JobBrief, MAX_FULL_BYTES};
pub use deal::{Deal, DealError, MILLION};
pub use declined::{DeclineReason, Declined, declines_in_words};
pub use docker::{CONTAINER_MEMORY_BYTES, ContainerLimits, DockerSpec, container_memory, docker_profile};
pub use draw::{
    BeaconChain, BeaconRound, BidReceipt, Commitment, DrawMode, FairBidder, FairRecord, FairRound, FairTerms,
    Randomness, Revealed, Secret, Secrets, SetEntry, ShardRuns, SignedCommitment,
};
pub use event::{Event, EventKind};
pub use execution::ExecutionStatus;
pub use hash::Hash256;
pub use id::{ExecutionId, IdError, JobId};
pub use operator::{Distinct, MinerClaim, Operator, OperatorProof};
pub use record::{BidRecord, DrawRecord, ExecutionMemo, ExecutionRecord, Finding, JobRecord, ShardRecord};
pub use request::{Request, RequestError, SignedRequest};
pub use spec::{
    Engine, InputSpec, JobSpec, MAX_INPUTS, MAX_LABELS, MAX_REQUEST_BYTES, MAX_SHARDS, MAX_TIMEOUT_SECONDS,
    PublisherKind, Resources, Sharding, SpecError, VerifierKind, WasmSpec,
};
pub use state::{ExecutionState, JobState, ShardState};

/// The canonical DAG-CBOR of plain data.
#[expect(clippy::expect_used, reason = "structs of strings, numbers, lists and maps with text keys always encode")]
pub(crate) fn to_dag_cbor(value: &impl Serialize) -> Vec<u8> {
    serde_ipld_dagcbor::to_vec(value).expect("plain data encodes")
}
