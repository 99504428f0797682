//! An in-flight fetch of a block: asked providers, their answers, and waiting callers.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::lock;
use bacalhau_cas::Cid;

/// A block on its way.
#[derive(Debug)]
pub(super) struct InFlight {
    cid: Cid,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Number of asked providers, from the first on.
    asked: usize,
    /// Number of further providers that may be asked now.
    due: usize,
    /// Providers without the block, and their errors.
    declined: BTreeMap<usize, String>,
    landed: Option<Result<Bytes, FetchError>>,
}

/// Why a block was not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    /// No provider has the block; with the error of each.
    #[error("{}", .0.join("; "))]
    Declined(Vec<String>),
    /// No provider sent data for this time.
    #[error("no provider answered in {} s", .0.as_secs())]
    Silent(Duration),
}

/// What to do when a provider does not have the block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Ask the next one.
    Next,
    /// Wait for others in flight.
    Wait,
    /// All providers have failed.
    Over(FetchError),
}

impl InFlight {
    /// A fetch whose first provider is due.
    pub(super) fn new(cid: &Cid) -> Self {
        let state = Mutex::new(State { due: 1, ..State::default() });
        Self { cid: *cid, state, arrived: Condvar::new() }
    }

    /// CID of the block.
    pub(super) fn cid(&self) -> &Cid {
        &self.cid
    }

    /// Whether to ask the provider `index` now; then it counts as asked.
    pub(super) fn take_turn(&self, index: usize) -> bool {
        let mut state = lock(&self.state);
        let turn = state.due > 0 && state.asked == index && state.landed.is_none();
        if turn {
            state.asked += 1;
            state.due -= 1;
        }
        turn
    }

    /// Makes one more of `providers` due, if there is one left.
    pub(super) fn begin_next(&self, providers: usize) -> bool {
        let mut state = lock(&self.state);
        let next = state.asked + state.due < providers;
        state.due += usize::from(next);
        next
    }

    /// The provider `index` of `providers` has not got it.
    pub(super) fn decline(&self, index: usize, why: String, providers: usize) -> Turn {
        let mut state = lock(&self.state);
        state.declined.insert(index, why);
        if state.asked + state.due < providers {
            state.due += 1;
            Turn::Next
        } else if state.declined.len() >= providers {
            Turn::Over(FetchError::Declined(state.declined.values().cloned().collect()))
        } else {
            Turn::Wait
        }
    }

    /// Completes the fetch and wakes the callers.
    pub(super) fn land(&self, end: Result<Bytes, FetchError>) {
        lock(&self.state).landed.get_or_insert(end);
        self.arrived.notify_all();
    }

    /// Providers other than `index` with requests in flight.
    pub(super) fn others_asked(&self, index: usize) -> Vec<usize> {
        let state = lock(&self.state);
        (0..state.asked).filter(|other| *other != index && !state.declined.contains_key(other)).collect()
    }

    /// Waits for the end, at most for `patience`.
    pub(super) fn wait(&self, patience: Duration) -> Option<Result<Bytes, FetchError>> {
        let state = lock(&self.state);
        let waited = self.arrived.wait_timeout_while(state, patience, |state| state.landed.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.landed.clone()
    }
}
