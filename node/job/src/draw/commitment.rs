//! Signed messages of a requester in a fair draw: a receipt for each bid, and the set of bidders before the randomness
//! is known.

use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ShardRuns;
use crate::{Hash256, JobId, to_dag_cbor};

/// Domain separation prefix of the signature.
const COMMITMENT: &[u8] = b"bacalhau draw commitment 1\n";
const RECEIPT: &[u8] = b"bacalhau bid receipt 1\n";

/// The set of bidders of one draw, by its root, and the source of randomness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// Job id.
    pub job: JobId,
    /// Counted from 1 in the job, at most 64.
    pub round: u16,
    /// The shards that are drawn for.
    pub shards: ShardRuns,
    /// Bidders in the set.
    pub bidders: u32,
    /// The root of the Merkle tree over the entries of the set, sorted by the bytes of their `PeerId`s.
    pub root: Hash256,
    /// The requester's commitment in the announcement.
    pub commit: Hash256,
    /// When it was made, in Unix milliseconds by the requester's clock.
    pub at_ms: u64,
    /// The source of randomness.
    pub randomness: Randomness,
}

/// The source of randomness of a draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Randomness {
    /// From secrets that the requester and the bidders reveal.
    Reveal,
    /// From a round of a drand beacon that is published after the commitment.
    Beacon {
        /// Chain hash.
        chain: Hash256,
        /// Number of the round.
        round: u64,
    },
}

/// A commitment with the requester's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedCommitment {
    /// The signed content.
    pub commitment: Commitment,
    /// The signature over [`Commitment::text`], in hexadecimal.
    pub signature: String,
}

/// Proof that a bid arrived, signed by the requester, for a bidder that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BidReceipt {
    /// Job id.
    pub job: JobId,
    /// Peer id of the bidder.
    #[schema(value_type = String)]
    pub bidder: PeerId,
    /// The commit of its bid.
    pub commit: Hash256,
    /// Arrival of the bid in Unix milliseconds by the requester's clock.
    pub received_ms: u64,
    /// The requester's signature over [`BidReceipt::text`], in hexadecimal.
    pub signature: String,
}

impl Commitment {
    /// The hash by which it enters into the draw.
    pub fn hash(&self) -> Hash256 {
        Hash256::of(&[&to_dag_cbor(self)])
    }

    /// The signed bytes.
    pub fn text(&self) -> Vec<u8> {
        [COMMITMENT, &to_dag_cbor(self)].concat()
    }
}

impl BidReceipt {
    /// The signed bytes.
    pub fn text(job: &JobId, bidder: &PeerId, commit: &Hash256, received_ms: u64) -> Vec<u8> {
        [RECEIPT, &to_dag_cbor(&(job, bidder, commit, received_ms))].concat()
    }
}
