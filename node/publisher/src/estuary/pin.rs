//! State of a pin, sufficient to continue after a crash.

use bacalhau_tree::Link;
use serde::{Deserialize, Serialize};

/// State of a pin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Root of the pinned DAG.
    pub cid: Link,
    /// Request id at the service, once it exists.
    pub request: Option<String>,
    /// Whether an archive was uploaded.
    pub uploaded: bool,
    /// How often the service lost the request, so that it was repeated.
    pub lost: u32,
    /// Start in Unix milliseconds.
    pub began_ms: u64,
}

impl Pin {
    /// A new pin of `cid` at `now_ms`, in Unix milliseconds.
    pub fn new(cid: Link, now_ms: u64) -> Self {
        Self { cid, request: None, uploaded: false, lost: 0, began_ms: now_ms }
    }
}
