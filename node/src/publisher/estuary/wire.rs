//! What goes to and fro, as <https://ipfs.github.io/pinning-services-api-spec/> has it, version 1.0.0. What a service says
//! beyond that is not read.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name of a pin, in characters.
pub(super) const MAX_NAME: usize = 255;
/// The most addresses from which a pin can be fetched, and the most that a service answers with.
pub(super) const MAX_ADDRS: usize = 20;

/// What is to be pinned.
#[derive(Debug, Serialize)]
pub(super) struct Wanted<'a> {
    /// Root of the DAG.
    pub(super) cid: String,
    /// By what it is found again.
    pub(super) name: &'a str,
    /// Multiaddrs of nodes that have it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) origins: &'a [String],
    /// What else is to be known of it.
    pub(super) meta: BTreeMap<&'static str, String>,
}

/// How far a service is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct PinStatus {
    #[serde(rename = "requestid")]
    pub(super) request: String,
    pub(super) status: Status,
    pub(super) pin: Pinned,
    /// Multiaddrs of the nodes that fetch it.
    #[serde(default)]
    pub(super) delegates: Vec<String>,
    /// Whatever the service wants to say; by the schema all of it is text.
    #[serde(default)]
    info: Option<BTreeMap<String, serde_json::Value>>,
}

/// The part of a pin that is compared.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Pinned {
    pub(super) cid: String,
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// Where a pin stands, the better the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Failed,
    Queued,
    Pinning,
    Pinned,
}

/// Pins that a service has.
#[derive(Debug, Deserialize)]
pub(super) struct PinResults {
    pub(super) results: Vec<PinStatus>,
}

/// Why a service does not do something.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) error: Reason,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reason {
    reason: String,
    #[serde(default)]
    details: Option<String>,
}

/// The answer to an upload. It is no part of the API, but as Estuary gave it.
#[derive(Debug, Deserialize)]
pub(super) struct Uploaded {
    pub(super) cid: String,
}

impl PinStatus {
    /// What the service says of how far it is.
    pub(super) fn details(&self) -> Option<&str> {
        self.info.as_ref()?.get("status_details")?.as_str().filter(|text| !text.is_empty())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "failed",
            Self::Queued => "queued",
            Self::Pinning => "pinning",
            Self::Pinned => "pinned",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.details {
            Some(details) => write!(f, "{}: {details}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}
