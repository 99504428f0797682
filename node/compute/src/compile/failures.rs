//! The latest compile failures, by module.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bacalhau_runtime::{Error, Refusal};
use bacalhau_tree::Link;

use super::CompileLimits;

/// Maximum number of remembered modules.
const MOST: usize = 1024;
/// How long a failure is remembered; it may have been caused by this machine.
const KEEP: Duration = Duration::from_hours(1);

/// Purpose of a compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// For the first run, as fast as possible.
    Run,
    /// The optimized form.
    Optimize,
}

/// Cause of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The module is invalid on every machine.
    Refused(Refusal),
    /// Not complete within this processor time in seconds.
    Time(u64),
    /// Needs more than this memory in bytes.
    Memory(u64),
}

/// The failures.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<(Link, Purpose), (Failure, Instant)>,
    /// In order of insertion.
    order: VecDeque<(Link, Purpose)>,
}

impl Failures {
    /// Whether a compilation within `limits` may succeed.
    ///
    /// # Errors
    /// The cause of the failure within limits at least as high.
    pub(super) fn check(&self, module: &Link, purpose: Purpose, limits: &CompileLimits) -> Result<(), Error> {
        match self.state().known.get(&(*module, purpose)).filter(|(_, noted)| noted.elapsed() < KEEP) {
            Some((Failure::Refused(refusal), _)) => Err(refusal.clone().into()),
            Some((Failure::Time(seconds), _)) if limits.cpu_seconds <= *seconds => Err(limits.out_of_time().into()),
            Some((Failure::Memory(bytes), _)) if limits.memory_bytes <= *bytes => Err(limits.out_of_memory().into()),
            _ => Ok(()),
        }
    }

    /// Records the failure of a module, in place of an earlier one.
    pub(super) fn remember(&self, module: Link, purpose: Purpose, failure: Failure) {
        let mut state = self.state();
        let key = (module, purpose);
        if state.known.insert(key, (failure, Instant::now())).is_none() {
            state.order.push_back(key);
        }
        if state.order.len() > MOST
            && let Some(oldest) = state.order.pop_front()
        {
            state.known.remove(&oldest);
        }
    }

    /// Removes the failure of a module that was compiled after all.
    pub(super) fn forget(&self, module: &Link, purpose: Purpose) {
        let mut state = self.state();
        let key = (*module, purpose);
        if state.known.remove(&key).is_some() {
            state.order.retain(|other| *other != key);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(memory_bytes: u64, cpu_seconds: u64) -> CompileLimits {
        CompileLimits { memory_bytes, cpu_seconds, threads: 1 }
    }

    #[test]
    fn a_failure_counts_within_the_same_limits_and_below() {
        let (failures, module) = (Failures::default(), Link::of_raw(b"module"));
        let fails = |memory, cpu| failures.check(&module, Purpose::Run, &limits(memory, cpu)).is_err();
        assert!(!fails(1, 1));
        failures.remember(module, Purpose::Run, Failure::Time(10));
        assert!(fails(u64::MAX, 10) && fails(1, 9) && !fails(1, 11));
        failures.check(&module, Purpose::Optimize, &limits(1, 1)).expect("that is another compiler");
        failures.remember(module, Purpose::Run, Failure::Memory(10));
        assert!(fails(10, u64::MAX) && !fails(11, 1));
        failures.remember(module, Purpose::Run, Failure::Refused(Refusal::module("no")));
        assert!(matches!(failures.check(&module, Purpose::Run, &limits(9, 9)), Err(Error::Refused(_))));
        failures.forget(&module, Purpose::Run);
        assert!(!fails(1, 1));
    }

    #[test]
    fn only_the_latest_are_remembered() {
        let failures = Failures::default();
        let module = |number: usize| Link::of_raw(&number.to_be_bytes());
        for number in 0..=MOST {
            failures.remember(module(number), Purpose::Run, Failure::Time(1));
        }
        let fails = |number| failures.check(&module(number), Purpose::Run, &limits(1, 1)).is_err();
        assert!(!fails(0) && fails(1) && fails(MOST));
    }
}
