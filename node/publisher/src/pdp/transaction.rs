//! The hash of a transaction of Ethereum.

use std::fmt;
use std::str::FromStr;

use bacalhau_values::hex::{self, Hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The hash of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransactionHash([u8; 32]);

/// Why a text is not the hash of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not 0x and 64 hexadecimal digits")]
pub struct TransactionHashError;

impl fmt::Display for TransactionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", Hex(&self.0))
    }
}

impl fmt::Debug for TransactionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionHash({self})")
    }
}

impl FromStr for TransactionHash {
    type Err = TransactionHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.strip_prefix("0x").and_then(hex::decode).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(TransactionHashError)
    }
}

impl Serialize for TransactionHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TransactionHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
