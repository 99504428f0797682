//! A requester's record of a job's fair draws, sufficient to repeat them.

use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{BeaconChain, BeaconRound, Secret, ShardRuns, SignedCommitment, Tree};
use crate::Hash256;

/// The fair draws of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FairRecord {
    /// The bidders, in order of arrival.
    pub bidders: Vec<FairBidder>,
    /// The draws, in order.
    pub rounds: Vec<FairRound>,
    /// The beacon's chain; absent if secrets decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<BeaconChain>,
}

/// A node that bids for shards of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FairBidder {
    /// Peer id of the bidder.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// Its commitment.
    pub commit: Hash256,
    /// Arrival of its first bid.
    pub received_ms: u64,
}

/// A draw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FairRound {
    /// The commitment to the set.
    pub signed: SignedCommitment,
    /// The set, sorted by the bytes of the `PeerId`s.
    pub set: Vec<SetEntry>,
    /// The requester's secret, once the draw is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// Revealed secrets, sorted by `PeerId` bytes. Bidders without one when the draw is made are excluded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reveals: Vec<Revealed>,
    /// The beacon round, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon: Option<BeaconRound>,
    /// Time of the draw; absent while its randomness is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn_ms: Option<u64>,
}

/// A bidder of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetEntry {
    /// Peer id of the bidder.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// The shards of the draw that it offered for.
    pub shards: ShardRuns,
    /// The commit of its bid.
    pub commit: Hash256,
}

/// A revealed secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revealed {
    /// Peer id of the bidder.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// Its secret of the round.
    pub secret: Secret,
}

impl SetEntry {
    /// Its bytes in the tree of the set.
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::to_dag_cbor(self)
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
