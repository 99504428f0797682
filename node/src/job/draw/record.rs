//! What a requester knows of the fair draws of a job: all that is needed to repeat them.

use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{BeaconChain, BeaconRound, Secret, ShardRuns, SignedCommitment, Tree};
use crate::job::Hash256;

/// The fair draws of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FairRecord {
    /// Nodes whose bids came, in the order in which they did.
    pub bidders: Vec<FairBidder>,
    /// The draws, in order.
    pub rounds: Vec<FairRound>,
    /// The beacon whose rounds decide; absent where secrets do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<BeaconChain>,
}

/// A node that bids for shards of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FairBidder {
    /// The node.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// What it is bound to reveal.
    pub commit: Hash256,
    /// When its first bid came.
    pub received_ms: u64,
}

/// One draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FairRound {
    /// The commitment to the set.
    pub signed: SignedCommitment,
    /// The set, sorted by the bytes of the `PeerId`s.
    pub set: Vec<SetEntry>,
    /// The requester's secret, once the draw is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// The secrets of bidders, sorted by the bytes of the `PeerId`s. Whoever is missing here when the draw is made is excluded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reveals: Vec<Revealed>,
    /// The round of the beacon, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon: Option<BeaconRound>,
    /// When the draw was made; absent while its randomness is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn_ms: Option<u64>,
}

/// A bidder of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetEntry {
    /// The node.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// The shards of the draw that it offered for.
    pub shards: ShardRuns,
    /// The commit of its bid.
    pub commit: Hash256,
}

/// What a bidder revealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revealed {
    /// The bidder.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// Its secret of the round.
    pub secret: Secret,
}

impl SetEntry {
    /// The bytes that stand for it in the tree of the set.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::job::to_dag_cbor(self)
    }
}

impl FairRecord {
    /// The draw whose randomness is not known yet.
    pub fn pending(&self) -> Option<&FairRound> {
        self.rounds.last().filter(|round| round.drawn_ms.is_none())
    }
}

impl FairRound {
    /// The tree over a set.
    pub fn tree(set: &[SetEntry]) -> Tree {
        let entries: Vec<Vec<u8>> = set.iter().map(SetEntry::to_bytes).collect();
        Tree::of(&entries)
    }

    /// The round of the beacon that decides; absent where secrets do.
    pub fn beacon_round(&self) -> Option<u64> {
        match self.signed.commitment.randomness {
            super::Randomness::Beacon { round, .. } => Some(round),
            super::Randomness::Reveal => None,
        }
    }

    /// The entry of a node.
    pub fn entry(&self, peer: &PeerId) -> Option<&SetEntry> {
        self.set.iter().find(|entry| entry.peer == *peer)
    }

    /// Whether a bidder takes part in the draw: in a draw by secrets, where it has revealed its own.
    pub fn takes_part(&self, peer: &PeerId) -> bool {
        match self.signed.commitment.randomness {
            super::Randomness::Reveal => {
                let name = peer.to_bytes();
                self.reveals.binary_search_by(|revealed| revealed.peer.to_bytes().cmp(&name)).is_ok()
            }
            super::Randomness::Beacon { .. } => true,
        }
    }

    /// The bidders that are drawn among for a shard.
    pub fn members(&self, shard: u32) -> Vec<PeerId> {
        let entries = self.set.iter().filter(|entry| entry.shards.contains(shard) && self.takes_part(&entry.peer));
        entries.map(|entry| entry.peer).collect()
    }
}
