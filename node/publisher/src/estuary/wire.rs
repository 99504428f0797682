//! Messages of <https://ipfs.github.io/pinning-services-api-spec/>, version 1.0.0. Other fields are ignored.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Maximum length of a pin's name in characters.
pub(super) const MAX_NAME: usize = 255;
/// Maximum addresses of a pin, and of an answer.
pub(super) const MAX_ADDRS: usize = 20;

/// A requested pin.
#[derive(Debug, Serialize)]
pub(super) struct Wanted<'a> {
    /// Root of the DAG.
    pub(super) cid: String,
    /// Name of the pin.
    pub(super) name: &'a str,
    /// Multiaddrs of nodes with the data.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) origins: &'a [String],
    /// Further metadata.
    pub(super) meta: BTreeMap<&'static str, String>,
}

/// State of a request.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct PinStatus {
    #[serde(rename = "requestid")]
    pub(super) request: String,
    pub(super) status: Status,
    pub(super) pin: Pinned,
    /// Multiaddrs of the service's nodes.
    #[serde(default)]
    pub(super) delegates: Vec<String>,
    /// Free-form details; text by the schema.
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

/// State of a pin, in ascending order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Failed,
    Queued,
    Pinning,
    Pinned,
}

/// A list of pins.
#[derive(Debug, Deserialize)]
pub(super) struct PinResults {
    pub(super) results: Vec<PinStatus>,
}

/// An error.
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

/// The answer to an upload, in Estuary's format. Not part of the API.
#[derive(Debug, Deserialize)]
pub(super) struct Uploaded {
    pub(super) cid: String,
}

impl PinStatus {
    /// The details of the state.
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
