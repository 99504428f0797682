//! Steps of publications with a piece: their effect on the entry in the ledger.

use std::time::Duration;

use crate::backend_error::BackendError;
use crate::{Entry, Next, StepError};

/// Minimum pause that a server may request.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Maximum pause that a server may request.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// The transition of a publication by a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    /// Name of the new state; [`Entry::WAITING`] without progress.
    pub(crate) state: &'static str,
    /// Description.
    pub(crate) text: String,
    /// Time until the next step.
    pub(crate) wait: Duration,
}

/// Records a step of `entry`, or why it failed for good, and returns when the next one is due. `is_over`: whether the
/// publication has ended with it.
///
/// # Errors
/// A temporary failure without a pause that the server requests.
pub(crate) fn record(
    entry: &mut Entry,
    step: Result<Transition, BackendError>,
    is_over: bool,
    now_ms: u64,
) -> Result<Next, StepError> {
    match step {
        Ok(Transition { state, text, wait }) => {
            if state == Entry::WAITING {
                entry.wait(now_ms, text);
            } else {
                entry.step(now_ms, state, text);
            }
            Ok(if is_over { Next::Ended } else { Next::In(wait) })
        }
        Err(BackendError::Later { why, after: None }) => Err(StepError::Temporary(why)),
        Err(BackendError::Later { why, after: Some(after) }) => {
            entry.wait(now_ms, why);
            Ok(Next::In(after.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)))
        }
        Err(BackendError::Never { why, todo }) => {
            entry.fail(now_ms, format!("{why}; {todo}"));
            Ok(Next::Ended)
        }
    }
}
