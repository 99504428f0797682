//! Which draw a job has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Hash256;

/// How bidders are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DrawMode {
    /// As soon as enough bids are in. Takes no time; the last bidder and the requester can steer it.
    #[default]
    Fast,
    /// At an announced time, by randomness that is unknown until the set of bidders is signed.
    Fair,
}

/// All modes by name.
const NAMES: [(&str, DrawMode); 2] = [("fast", DrawMode::Fast), ("fair", DrawMode::Fair)];

impl fmt::Display for DrawMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, mode)| mode == self).map_or("", |(name, _)| name);
        f.pad(name)
    }
}

/// A text is not the name of a draw mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a draw: fast or fair")]
pub struct UnknownDraw(
    /// The text.
    pub String,
);

impl FromStr for DrawMode {
    type Err = UnknownDraw;

    fn from_str(text: &str) -> Result<Self, UnknownDraw> {
        let known = NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, mode)| *mode).ok_or_else(|| UnknownDraw(text.into()))
    }
}

/// Terms of a fair draw in an announcement. Jobs without them are drawn fast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FairTerms {
    /// Milliseconds after `created_ms` at which bidding closes. With too few bids it closes again after the same time.
    pub window_ms: u64,
    /// The requester's commitment: the root of its secrets.
    pub commit: Hash256,
    /// Chain hash of the drand beacon that decides. Absent: secrets of requester and bidders decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beacon: Option<Hash256>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_written_as_they_are_read() {
        for (name, mode) in NAMES {
            assert_eq!((name.parse(), mode.to_string()), (Ok(mode), name.to_owned()));
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{name}\""));
        }
        assert!("slow".parse::<DrawMode>().unwrap_err().to_string().contains("fast or fair"));
    }
}
