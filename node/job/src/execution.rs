//! An execution as its provider knows it.

use bacalhau_receipt::Outcome;
use libp2p_identity::PeerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ExecutionId, ExecutionState, JobId};

/// An execution of a node. Times are Unix milliseconds by the node's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecutionStatus {
    /// Id: `JOB:SHARD:NUMBER`.
    #[schema(value_type = String)]
    pub id: ExecutionId,
    /// The node that answers for the job.
    #[schema(value_type = String)]
    pub requester: PeerId,
    /// Whether the job is private: then `why` and `outcome` are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// State by the provider: `Running` from the accepted bid on, `Proposed` until the verdict is known.
    pub state: ExecutionState,
    /// When its bid was accepted, or when it was taken up again after a restart.
    pub started_ms: u64,
    /// When the program ended, however it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
    /// How the program ended, shown after the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub outcome: Option<Outcome>,
    /// Why it failed or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl ExecutionStatus {
    /// Takes the execution to another state at `now_ms`. The first outcome stays.
    pub fn change(&mut self, now_ms: u64, state: ExecutionState, outcome: Option<Outcome>, why: Option<String>) {
        self.state = state;
        if !state.is_pending() {
            self.ended_ms.get_or_insert(now_ms);
        }
        self.outcome = self.outcome.or(outcome);
        self.why = why;
    }

    /// The public view: without proposals before the verdict, and without outcomes and texts of private jobs.
    #[must_use]
    pub fn shown(&self) -> Self {
        let mut shown = self.clone();
        if self.state == ExecutionState::Proposed {
            shown.outcome = None;
        }
        if self.private {
            (shown.why, shown.outcome) = (None, None);
        }
        shown
    }
}

/// Selects executions of a provider.
#[derive(Clone, Debug, Default)]
pub struct ExecutionQuery {
    /// Only those in this state.
    pub state: Option<ExecutionState>,
    /// Only those of this job.
    pub job: Option<JobId>,
    /// Only those behind this place: the `next` of the page before.
    pub after: Option<u64>,
    /// Page size.
    pub limit: usize,
}
