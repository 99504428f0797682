//! The class of a failed execution.

use serde::{Deserialize, Serialize};

/// Why an execution has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The provider's machine could not do its part: another may.
    Host,
    /// Every machine would refuse this module or job.
    Refused,
    /// The provider does not run it after all: cancelled, shut down, no capacity.
    Withdrawn,
}
