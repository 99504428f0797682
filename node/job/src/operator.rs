//! Operators: which bidders count as one party. An identity costs nothing, so it is not a vote: an operator has at most
//! one execution of a shard. The deal selects the operator mode; the requester determines operators.

use std::fmt;
use std::str::FromStr;

use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Operator mode: how bidders are distinguished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distinct {
    /// Every peer ID is an operator, for closed clusters.
    #[default]
    None,
    /// The address prefix from which the requester sees the node: /24 of IPv4, /48 of IPv6.
    Prefix,
    /// The requester's list of operators, or the Filecoin storage provider that the node proves to belong to; else the
    /// address prefix.
    Operator,
}

/// All rules by name.
const NAMES: [(&str, Distinct); 3] =
    [("none", Distinct::None), ("prefix", Distinct::Prefix), ("operator", Distinct::Operator)];

impl Distinct {
    /// Whether peer ids alone count.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl fmt::Display for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, rule)| rule == self).map_or("", |(name, _)| name);
        f.pad(name)
    }
}

/// A text is not the name of an operator mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a rule: none, prefix or operator")]
pub struct UnknownRule(
    /// The text.
    pub String,
);

impl FromStr for Distinct {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        let known = NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, rule)| *rule).ok_or_else(|| UnknownRule(text.into()))
    }
}

/// The operator of a node, as the requester has established it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Operator {
    /// Name in the requester's list, address of a storage provider, or address prefix. Empty if the requester saw no
    /// address of the node.
    pub name: String,
    /// How it was established.
    pub by: OperatorProof,
    /// Why a claim of the node was not accepted, where it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// How an operator was established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OperatorProof {
    /// It is the requester's own node.
    Own,
    /// By the requester's list.
    Listed,
    /// The Filecoin chain has the node's peer ID as that of the storage provider.
    MinerPeer,
    /// The worker key of the storage provider has signed the node's peer id.
    MinerWorker,
    /// By the address prefix from which the node is connected.
    Prefix,
    /// The requester saw no address of the node, which uses a relay: all such nodes count as one operator.
    Unseen,
}

/// A node's claim to belong to a Filecoin storage provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MinerClaim {
    /// Actor number of the storage provider: 1234 for `f01234`.
    pub miner: u64,
    /// The signature of its worker key over [`MinerClaim::message`], as `lotus wallet sign` prints it: hexadecimal, the kind
    /// of the key first. Absent where the chain names the node's peer id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl MinerClaim {
    /// Characters of a signature, at most. The longest that Filecoin has is 97 bytes.
    pub const MAX_SIGNATURE: usize = 256;

    /// The storage provider's address, by which the operator is called.
    pub fn name(&self) -> String {
        format!("f0{}", self.miner)
    }

    /// The message that a storage provider's worker key signs to confirm that `peer` is its node.
    pub fn message(&self, peer: &PeerId) -> Vec<u8> {
        format!("bacalhau operator v1 {} {peer}", self.name()).into_bytes()
    }
}

impl Operator {
    /// An operator called `name`.
    pub fn new(name: impl Into<String>, by: OperatorProof) -> Self {
        Self { name: name.into(), by, refused: None }
    }

    /// The operator of a node that is seen at an address with this prefix.
    pub fn seen(prefix: Option<String>) -> Self {
        match prefix {
            Some(prefix) => Self::new(prefix, OperatorProof::Prefix),
            None => Self::new("", OperatorProof::Unseen),
        }
    }

    /// Identity of the operator. A storage provider has the same one under every proof.
    pub fn key(&self) -> (u8, &str) {
        let kind = match self.by {
            OperatorProof::Own => 0,
            OperatorProof::Listed => 1,
            OperatorProof::MinerPeer | OperatorProof::MinerWorker => 2,
            OperatorProof::Prefix => 3,
            OperatorProof::Unseen => 4,
        };
        (kind, &self.name)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.by {
            OperatorProof::Own => f.write_str("this requester"),
            OperatorProof::Listed => write!(f, "{name} (listed)"),
            OperatorProof::MinerPeer => write!(f, "{name} (peer id on chain)"),
            OperatorProof::MinerWorker => write!(f, "{name} (signed by its worker key)"),
            OperatorProof::Prefix => write!(f, "{name} (address)"),
            OperatorProof::Unseen => f.write_str("no address seen (relayed)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_written_as_they_are_read() {
        for (name, rule) in NAMES {
            assert_eq!((name.parse(), rule.to_string()), (Ok(rule), name.to_owned()));
            assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{name}\""));
        }
        assert!("peer".parse::<Distinct>().unwrap_err().to_string().contains("none, prefix or operator"));
    }

    #[test]
    fn a_storage_provider_is_one_operator_by_whichever_proof_and_never_a_listed_name() {
        let by = |proof| Operator::new("f01000", proof);
        assert_eq!(by(OperatorProof::MinerPeer).key(), by(OperatorProof::MinerWorker).key());
        assert_ne!(by(OperatorProof::MinerPeer).key(), by(OperatorProof::Listed).key());
        assert_ne!(Operator::seen(None).key(), Operator::new("", OperatorProof::Own).key());
    }
}
