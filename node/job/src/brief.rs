//! A job without its spec: what a provider needs to assess it, and the hash of the spec, which it fetches from the
//! requester. Used for large and for all private jobs.

use std::sync::Arc;

use bacalhau_receipt::bounded;
use bacalhau_tree::Link;
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};

use super::{
    AnnouncedJob, Condition, Deal, Engine, FairTerms, JobId, JobSpec, MAX_CONDITIONS, PublisherKind, Requester,
    Resources,
};

/// Bytes of a job's canonical encoding up to which it is announced with its spec.
pub const MAX_FULL_BYTES: usize = 16 << 10;

/// The announced part of a job without its spec. It follows from the spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobBrief {
    /// Job id.
    pub id: JobId,
    /// The node that answers for it, and sends the spec.
    pub requester: Requester,
    /// The CID of the spec: the canonical encoding of the [`AnnouncedJob`].
    pub spec: Link,
    /// Bytes of the spec.
    pub size: u64,
    /// The CID of the signed request, of which the name of a private job is made. Absent for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<Link>,
    /// The profile of results, which determines the kind of engine.
    pub profile: Link,
    /// The deal.
    pub deal: Deal,
    /// Resources of one execution; memory is at least the program's limit.
    pub resources: Resources,
    /// Wall-clock seconds that one execution may take.
    pub timeout_seconds: u64,
    /// Where results of winners go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<PublisherKind>,
    /// Conditions on the labels of nodes that may run it.
    #[serde(
        default,
        deserialize_with = "bounded::list::<_, _, MAX_CONDITIONS>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub selector: Vec<Condition>,
    /// Number of shards.
    pub shards: u32,
    /// Whether no shard has an input.
    pub stateless: bool,
    /// Unix milliseconds at which the requester accepted it, by its clock.
    pub created_ms: u64,
    /// Milliseconds from then on in which bids are taken.
    pub bidding_ms: u64,
    /// The terms of a fair draw. Absent: bidders are drawn as soon as enough have bid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair: Option<FairTerms>,
}

/// A job as a node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announced {
    /// The announcement contains the spec.
    Full(Arc<AnnouncedJob>),
    /// Without its spec.
    Brief(Arc<JobBrief>),
}

impl JobBrief {
    /// The brief of `job`, whose canonical encoding is `encoded`.
    pub fn of(job: &AnnouncedJob, encoded: &[u8]) -> Self {
        let spec = job.spec();
        Self {
            id: job.id,
            requester: job.requester.clone(),
            spec: Link::of_dag_cbor(encoded),
            size: encoded.len() as u64,
            private: spec.private.then(|| Link::of_dag_cbor(&job.request.to_dag_cbor())),
            profile: spec.engine.profile(),
            deal: spec.deal,
            resources: spec.asked(),
            timeout_seconds: spec.timeout_seconds,
            publishers: spec.publishers.clone(),
            selector: spec.selector.clone(),
            shards: u32::try_from(job.shards.len()).unwrap_or(u32::MAX),
            stateless: job.shards.iter().all(Vec::is_empty),
            created_ms: job.created_ms,
            bidding_ms: job.bidding_ms,
            fair: job.fair.clone(),
        }
    }

    /// Whether only the client and the nodes that run the job may see its spec.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }
}

impl JobSpec {
    /// Resources of one execution; memory is at least the limit of a WebAssembly program.
    pub fn asked(&self) -> Resources {
        let resources = self.resources;
        match &self.engine {
            Engine::Wasm(wasm) => {
                Resources { memory_bytes: resources.memory_bytes.max(wasm.job.limits.memory_bytes), ..resources }
            }
            Engine::Docker(_) => resources,
        }
    }
}

impl Announced {
    /// The form in which `job` is announced to others.
    pub fn to_others(job: AnnouncedJob) -> Self {
        let encoded = job.to_dag_cbor();
        if job.spec().private || encoded.len() > MAX_FULL_BYTES {
            return Self::Brief(Arc::new(JobBrief::of(&job, &encoded)));
        }
        Self::Full(Arc::new(job))
    }

    /// The job with its spec, if that is here.
    pub fn full(&self) -> Option<&Arc<AnnouncedJob>> {
        match self {
            Self::Full(job) => Some(job),
            Self::Brief(_) => None,
        }
    }

    /// Job id.
    pub fn id(&self) -> JobId {
        match self {
            Self::Full(job) => job.id,
            Self::Brief(brief) => brief.id,
        }
    }

    /// The requester.
    pub fn requester(&self) -> &Requester {
        match self {
            Self::Full(job) => &job.requester,
            Self::Brief(brief) => &brief.requester,
        }
    }

    /// The client; `None` without the spec.
    pub fn client(&self) -> Option<PeerId> {
        self.full()?.request.client()
    }

    /// The rules under which results are claimed.
    pub fn profile(&self) -> Link {
        match self {
            Self::Full(job) => job.spec().engine.profile(),
            Self::Brief(brief) => brief.profile,
        }
    }

    /// The deal.
    pub fn deal(&self) -> Deal {
        match self {
            Self::Full(job) => job.spec().deal,
            Self::Brief(brief) => brief.deal,
        }
    }

    /// Whether only the client and the nodes that run the job may see its spec.
    pub fn is_private(&self) -> bool {
        match self {
            Self::Full(job) => job.spec().private,
            Self::Brief(brief) => brief.is_private(),
        }
    }

    /// Number of shards.
    pub fn shards(&self) -> usize {
        match self {
            Self::Full(job) => job.shards.len(),
            Self::Brief(brief) => brief.shards as usize,
        }
    }

    /// The terms of a fair draw, where it has one.
    pub fn fair(&self) -> Option<&FairTerms> {
        match self {
            Self::Full(job) => job.fair.as_ref(),
            Self::Brief(brief) => brief.fair.as_ref(),
        }
    }

    /// Unix milliseconds at which the requester accepted it, by its clock.
    pub fn created_ms(&self) -> u64 {
        match self {
            Self::Full(job) => job.created_ms,
            Self::Brief(brief) => brief.created_ms,
        }
    }

    /// Milliseconds in which bids are taken.
    pub fn bidding_ms(&self) -> u64 {
        match self {
            Self::Full(job) => job.bidding_ms,
            Self::Brief(brief) => brief.bidding_ms,
        }
    }
}

impl From<AnnouncedJob> for Announced {
    fn from(job: AnnouncedJob) -> Self {
        Self::Full(Arc::new(job))
    }
}

impl From<Arc<AnnouncedJob>> for Announced {
    fn from(job: Arc<AnnouncedJob>) -> Self {
        Self::Full(job)
    }
}
