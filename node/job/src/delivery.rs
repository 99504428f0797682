//! Where the requester gets the results of an execution.

use bacalhau_receipt::Link;
use serde::{Deserialize, Serialize};

/// How a requester gets results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// As a DAG from the provider, over Bitswap.
    Dag(Link),
    /// As a directory that both can open: for nodes of one process.
    Directory(String),
}
