//! What is known of a pin: enough to go on with the same one after a crash.

use bacalhau_runtime::Link;
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Root of what is pinned.
    pub cid: Link,
    /// What the service calls the request for it, once it is made.
    pub request: Option<String>,
    /// Whether an archive of it has been uploaded.
    pub uploaded: bool,
    /// How often the service did not know the request any more, so that another one was made.
    pub lost: u32,
    /// When this began, in Unix milliseconds.
    pub began_ms: u64,
}

impl Pin {
    /// One of `cid` that is to be made, as of `now_ms` in Unix milliseconds.
    pub fn new(cid: Link, now_ms: u64) -> Self {
        Self { cid, request: None, uploaded: false, lost: 0, began_ms: now_ms }
    }
}
