//! A job as announced: the client's request, its requester, and its shards.

use bacalhau_receipt::bounded;
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::draw::FairTerms;
use super::{Engine, InputSpec, JobId, JobSpec, MAX_SHARDS, SignedRequest};

/// The most addresses of a requester that are read. Announcements have fewer, see `protocol`.
const MAX_ADDRS: usize = 64;

/// The node that answers for a job: it takes bids, judges, and hands out results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Requester {
    /// Its name, from which its ed25519 public key follows: proposals are sealed to that key.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// Multiaddrs at which it can be reached, with `/p2p/…` at the end.
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_ADDRS>")]
    pub addrs: Vec<String>,
}

/// A job that a requester has accepted. Never changes after that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnouncedJob {
    /// Its name: [`JobId::of`] the request and the requester.
    pub id: JobId,
    /// The signed request.
    pub request: SignedRequest,
    /// The requester.
    pub requester: Requester,
    /// The inputs of each shard, in order. One shard without inputs at least.
    #[serde(deserialize_with = "bounded::list::<_, _, MAX_SHARDS>")]
    pub shards: Vec<Vec<InputSpec>>,
    /// Unix milliseconds at which the requester accepted it, by its clock.
    pub created_ms: u64,
    /// Milliseconds from then on in which bids are taken.
    pub bidding_ms: u64,
    /// The terms of a fair draw. Absent: bidders are drawn as soon as enough have bid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fair: Option<FairTerms>,
}

impl AnnouncedJob {
    /// The request of the client.
    pub fn spec(&self) -> &JobSpec {
        &self.request.request.spec
    }

    /// The task of a shard: the program with the shard's inputs, whose content is determined later. `None` for an
    /// unknown shard.
    pub fn task(&self, shard: u32) -> Option<bacalhau_receipt::Job> {
        let inputs = self.shards.get(usize::try_from(shard).ok()?)?;
        let spec = self.spec();
        match &spec.engine {
            Engine::Wasm(wasm) => {
                let mut job = wasm.job.clone();
                job.inputs = inputs.iter().map(|input| (input.target.clone(), None)).collect();
                Some(job)
            }
            Engine::Docker(docker) => {
                Some(docker.job(inputs.iter().map(|input| input.target.as_str()), &spec.resources))
            }
        }
    }

    /// The canonical encoding.
    pub fn to_dag_cbor(&self) -> Vec<u8> {
        super::to_dag_cbor(self)
    }
}
