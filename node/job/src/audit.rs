//! Audits: the only run of a shard is sometimes repeated by another operator. The decision follows from a signature
//! that only the requester can make, over the provider's earlier proposal: the provider cannot predict it, and it can
//! be repeated. With a beacon, a later round decides too, which the requester cannot predict either.

use bacalhau_tree::Link;
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{BeaconChain, ExecutionId, MILLION};

/// Domain separation prefix of audit signatures.
const CONTEXT: &str = "bacalhau audit v1";

/// Whether the only run of a shard was audited, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// The probability of an audit, in millionths.
    pub rate_millionths: u32,
    /// The execution that had proposed. Later numbers audit it.
    pub execution: u16,
    /// The CID of its sealed proposal, as raw bytes.
    #[schema(value_type = String)]
    pub proposal: Link,
    /// The requester's signature over execution and proposal, in hexadecimal: see [`message`].
    pub signature: String,
    /// The round of the beacon that decides with the signature; absent where the signature alone does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon: Option<AuditBeacon>,
    /// Whether it was drawn for an audit: see [`is_drawn`]. False until the beacon round is known.
    pub drawn: bool,
}

/// A round of a beacon that is published after a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditBeacon {
    /// The beacon's chain.
    pub chain: BeaconChain,
    /// Number of the round.
    pub round: u64,
    /// When the proposal arrived, in Unix milliseconds by the requester's clock.
    pub proposed_ms: u64,
    /// Signature of the round in hexadecimal, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// The signed message: `bacalhau audit v1`, the execution id, and the CID of its encrypted proposal, separated by
/// spaces.
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
    /// Whether it is undecided, because the beacon round is not known.
    pub fn is_pending(&self) -> bool {
        self.beacon.as_ref().is_some_and(|beacon| beacon.signature.is_none())
    }

    /// Decides by the known data.
    pub fn decide(&mut self) {
        self.drawn = self.decision();
    }

    /// The decision by the known data; false until the beacon round is known.
    pub fn decision(&self) -> bool {
        !self.is_pending() && is_drawn(&self.deciding(), self.rate_millionths)
    }

    /// The deciding bytes: the requester's signature, and that of the beacon round if there is one.
    fn deciding(&self) -> Vec<u8> {
        let beacon = self.beacon.as_ref().and_then(|beacon| beacon.signature.as_deref());
        let parts = [Some(self.signature.as_str()), beacon];
        parts.into_iter().flatten().flat_map(|text| bacalhau_values::hex::decode(text).unwrap_or_default()).collect()
    }

    /// Repeats the decision: whether the signature is `requester`'s, and the record matches it. The beacon's signature
    /// is not checked here.
    pub fn holds(&self, requester: &PeerId, execution: &ExecutionId) -> bool {
        let key = bacalhau_identity::ed25519_of(requester);
        let signature = bacalhau_values::hex::decode(&self.signature).unwrap_or_default();
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
