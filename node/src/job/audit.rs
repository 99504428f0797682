//! Audits: the only run of a shard is repeated by another operator, sometimes. Whether it is follows from a signature that only
//! the requester can make, over what the provider had proposed before: the provider cannot know, and the decision can be repeated.
//! With a beacon, a round that lies after the proposal decides too, which the requester does not know either.

use bacalhau_runtime::Link;
use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{BeaconChain, ExecutionId, MILLION};

/// What stands before everything that is signed for an audit, so that the signature is of no use for anything else.
const CONTEXT: &str = "bacalhau audit v1";

/// Whether the only run of a shard was audited, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// The probability of an audit, in millionths.
    pub rate_millionths: u32,
    /// The execution whose proposal was in. Those with later numbers audit it.
    pub execution: u16,
    /// The CID of its sealed proposal, as raw bytes.
    #[schema(value_type = String)]
    pub proposal: Link,
    /// The requester's signature over execution and proposal, in hexadecimal: see [`message`].
    pub signature: String,
    /// The round of the beacon that decides with the signature; absent where the signature alone does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon: Option<AuditBeacon>,
    /// Whether it was drawn for an audit: see [`is_drawn`]. False as long as the round of the beacon is not known.
    pub drawn: bool,
}

/// A round of a beacon that lies after a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditBeacon {
    /// The chain.
    pub chain: BeaconChain,
    /// The round.
    pub round: u64,
    /// When the proposal came, in Unix milliseconds by the requester's clock.
    pub proposed_ms: u64,
    /// The signature of the round, in hexadecimal, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// What the requester signs: `bacalhau audit v1`, the name of the execution, and the CID of its sealed proposal, with a space
/// between them.
pub fn message(execution: &ExecutionId, proposal: &Link) -> Vec<u8> {
    format!("{CONTEXT} {execution} {proposal}").into_bytes()
}

/// Whether a proposal with this signature is audited: if the first eight bytes of the signature's SHA-256, as a big-endian
/// number, are below the rate's share of 2⁶⁴.
pub fn is_drawn(signature: &[u8], rate_millionths: u32) -> bool {
    let hash = Sha256::digest(signature);
    let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    u128::from(number) * u128::from(MILLION) < u128::from(rate_millionths) << 64
}

/// The probability that at least one of `wrong` results of single runs is audited: 1 − (1 − rate)ⁿ.
pub fn detection(rate_millionths: u32, wrong: u32) -> f64 {
    let rate = f64::from(rate_millionths) / f64::from(MILLION);
    1.0 - (1.0 - rate).powi(i32::try_from(wrong).unwrap_or(i32::MAX))
}

impl AuditRecord {
    /// Whether it is not decided yet, since the round of the beacon is not known.
    pub fn is_pending(&self) -> bool {
        self.beacon.as_ref().is_some_and(|beacon| beacon.signature.is_none())
    }

    /// Decides, by what is known.
    pub fn decide(&mut self) {
        self.drawn = self.decision();
    }

    /// The decision that follows from what is known: false as long as the round of the beacon is not.
    pub fn decision(&self) -> bool {
        !self.is_pending() && is_drawn(&self.deciding(), self.rate_millionths)
    }

    /// The bytes that decide: the requester's signature, and that of the beacon's round where there is one.
    fn deciding(&self) -> Vec<u8> {
        let beacon = self.beacon.as_ref().and_then(|beacon| beacon.signature.as_deref());
        let parts = [Some(self.signature.as_str()), beacon];
        parts.into_iter().flatten().flat_map(|text| crate::hex::decode(text).unwrap_or_default()).collect()
    }

    /// Repeats the decision: whether the signature is `requester`'s, and says what the record says. That of the beacon is
    /// not checked here.
    pub fn holds(&self, requester: &PeerId, execution: &ExecutionId) -> bool {
        let key = crate::protocol::ed25519_of(requester);
        let signature = crate::hex::decode(&self.signature).unwrap_or_default();
        let signed = key.is_some_and(|key| key.verify(&message(execution, &self.proposal), &signature));
        signed && self.decision() == self.drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_the_share_of_audits() {
        let drawn = |rate| (0..20_000_u32).filter(|number| is_drawn(&number.to_be_bytes(), rate)).count();
        assert_eq!((drawn(0), drawn(MILLION)), (0, 20_000));
        assert!((900..1100).contains(&drawn(50_000)), "{}", drawn(50_000));
        assert!((9_700..10_300).contains(&drawn(500_000)), "{}", drawn(500_000));
    }

    #[test]
    fn more_lies_are_found_more_often() {
        let of = |rate, wrong| format!("{:.4}", detection(rate, wrong));
        assert_eq!([of(50_000, 1), of(50_000, 10), of(50_000, 100)], ["0.0500", "0.4013", "0.9941"]);
        assert_eq!([of(0, 100), of(MILLION, 1), of(MILLION, 0)], ["0.0000", "1.0000", "0.0000"]);
    }
}
