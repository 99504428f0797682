//! What a requester signs in a fair draw: a receipt for each bid, and the set of bidders before the randomness is known.

use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ShardRuns;
use crate::job::{Hash256, JobId, to_dag_cbor};

/// What stands before what is signed, so that a signature is of no use for anything else.
const COMMITMENT: &[u8] = b"bacalhau draw commitment 1\n";
const RECEIPT: &[u8] = b"bacalhau bid receipt 1\n";

/// The set of bidders of one draw, by its root, and where the randomness comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// The job.
    pub job: JobId,
    /// Counted from 1 in the job, at most 64.
    pub round: u16,
    /// The shards that are drawn for.
    pub shards: ShardRuns,
    /// Bidders in the set.
    pub bidders: u32,
    /// The root of the Merkle tree over the entries of the set, sorted by the bytes of their `PeerId`s.
    pub root: Hash256,
    /// What the requester is bound to reveal, as in the announcement.
    pub commit: Hash256,
    /// When it was made, in Unix milliseconds by the requester's clock.
    pub at_ms: u64,
    /// Where the randomness comes from.
    pub randomness: Randomness,
}

/// Where the randomness of a draw comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Randomness {
    /// From secrets that the requester and the bidders reveal.
    Reveal,
    /// From a round of a drand beacon that lies after the commitment.
    Beacon {
        /// The chain hash.
        chain: Hash256,
        /// The round.
        round: u64,
    },
}

/// A commitment with the requester's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedCommitment {
    /// The commitment.
    pub commitment: Commitment,
    /// The signature over [`Commitment::text`], in hexadecimal.
    pub signature: String,
}

/// That a bid came, signed by the requester: proof for a bidder that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BidReceipt {
    /// The job.
    pub job: JobId,
    /// The bidder.
    #[schema(value_type = String)]
    pub bidder: PeerId,
    /// The commit of its bid.
    pub commit: Hash256,
    /// When the bid came, in Unix milliseconds by the requester's clock.
    pub received_ms: u64,
    /// The requester's signature over [`BidReceipt::text`], in hexadecimal.
    pub signature: String,
}

impl Commitment {
    /// The hash by which it enters into the draw.
    pub fn hash(&self) -> Hash256 {
        Hash256::of(&[&to_dag_cbor(self)])
    }

    /// What is signed.
    pub fn text(&self) -> Vec<u8> {
        [COMMITMENT, &to_dag_cbor(self)].concat()
    }
}

impl BidReceipt {
    /// What is signed.
    pub fn text(job: &JobId, bidder: &PeerId, commit: &Hash256, received_ms: u64) -> Vec<u8> {
        [RECEIPT, &to_dag_cbor(&(job, bidder, commit, received_ms))].concat()
    }
}
