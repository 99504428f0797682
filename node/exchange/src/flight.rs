//! One block on its way: who was asked, what they said, and those who wait for it.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::lock;
use bacalhau_cas::Cid;

/// A block on its way.
#[derive(Debug)]
pub(super) struct Flight {
    cid: Cid,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many providers were asked: the first ones of the list.
    asked: usize,
    /// How many more may be asked now.
    due: usize,
    /// Who has not got it, and what they said.
    declined: BTreeMap<usize, String>,
    landed: Option<Result<Bytes, String>>,
}

/// What follows when a provider has not got the block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The next one is to be asked.
    Next,
    /// Others were asked and have not answered.
    Wait,
    /// Everybody was asked and said so.
    Over(String),
}

impl Flight {
    /// A block that the first provider is to be asked for.
    pub(super) fn new(cid: &Cid) -> Self {
        let state = Mutex::new(State { due: 1, ..State::default() });
        Self { cid: *cid, state, arrived: Condvar::new() }
    }

    /// Which block.
    pub(super) fn cid(&self) -> &Cid {
        &self.cid
    }

    /// Whether it is the turn of the provider `index` to be asked: then it counts as asked.
    pub(super) fn take_turn(&self, index: usize) -> bool {
        let mut state = lock(&self.state);
        let turn = state.due > 0 && state.asked == index && state.landed.is_none();
        if turn {
            state.asked += 1;
            state.due -= 1;
        }
        turn
    }

    /// Makes one more provider due, if there is one of `providers` that was not asked.
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
            Turn::Over(state.declined.values().map(String::as_str).collect::<Vec<_>>().join("; "))
        } else {
            Turn::Wait
        }
    }

    /// Wakes everybody who waits.
    pub(super) fn land(&self, end: Result<Bytes, String>) {
        lock(&self.state).landed.get_or_insert(end);
        self.arrived.notify_all();
    }

    /// Providers other than `index` that were asked and have not answered.
    pub(super) fn others_asked(&self, index: usize) -> Vec<usize> {
        let state = lock(&self.state);
        (0..state.asked).filter(|other| *other != index && !state.declined.contains_key(other)).collect()
    }

    /// Waits for the end, at most for `patience`.
    pub(super) fn wait(&self, patience: Duration) -> Option<Result<Bytes, String>> {
        let state = lock(&self.state);
        let waited = self.arrived.wait_timeout_while(state, patience, |state| state.landed.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.landed.clone()
    }
}
