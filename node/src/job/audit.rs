//! Audits: the only run of a shard is repeated by another operator, sometimes. Whether it is follows from a signature that only
//! the requester can make, over what the provider had proposed before: the provider cannot know, and the decision can be repeated.

use bacalhau_runtime::Link;
use libp2p::PeerId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{ExecutionId, MILLION};

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
    /// Whether it was drawn for an audit: see [`is_drawn`].
    pub drawn: bool,
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
    /// Repeats the decision: whether the signature is `requester`'s, and says what the record says.
    pub fn holds(&self, requester: &PeerId, execution: &ExecutionId) -> bool {
        let key = crate::protocol::ed25519_of(requester);
        let signature = crate::hex::decode(&self.signature).unwrap_or_default();
        let signed = key.is_some_and(|key| key.verify(&message(execution, &self.proposal), &signature));
        signed && is_drawn(&signature, self.rate_millionths) == self.drawn
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
