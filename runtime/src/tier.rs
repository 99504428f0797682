//! Which backend executes a module, and when: what an embedder chooses, and the one number behind the choice.

use std::time::Duration;

use crate::engine::Backend;

/// Modules with less code are compiled with optimisations at once, on all threads. Measured for each MB of code, in a
/// build for development: some 4 s of processor time for that, 1 s for the baseline. So here two cores save a third of a
/// second with it, and the first run of a small program is not made slower for less. Only code counts, not data.
const LARGE_CODE_BYTES: u64 = 256 << 10;

/// How long a module with so much code is in use before its optimised form is made, unless an earlier process has run
/// it: about half the time that it takes with two threads. A program that runs once, and for less, never pays for it.
pub(crate) fn patience(code_bytes: u64) -> Duration {
    Duration::from_nanos(code_bytes.saturating_mul(750))
}

/// Which compiled form of a module is executed. Claims do not depend on it; receipts say what it came to in
/// [`Unclaimed::backend`](crate::Unclaimed::backend).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tier {
    /// The first one that is there. A module with much code that is not in the cache is compiled by
    /// [`Backend::Baseline`], which takes a fraction of the time. Once it has been in use for about as long as
    /// [`Backend::Optimized`] needs for it, that form is made as well, at low priority. Runs that begin later use it; a
    /// run in progress stays on its form.
    #[default]
    Auto,
    /// Always this one. What [`Backend::Baseline`] does not take is executed by [`Backend::Optimized`].
    Only(Backend),
}

impl Tier {
    /// What modules are compiled with in the end.
    pub(crate) fn last(self) -> Backend {
        match self {
            Self::Auto | Self::Only(Backend::Baseline) => Backend::Optimized,
            Self::Only(backend) => backend,
        }
    }

    /// Whether the baseline comes before it, for a module with so many bytes of code.
    pub(crate) fn begins_with_baseline(self, code_bytes: u64) -> bool {
        match self {
            Self::Auto => code_bytes >= LARGE_CODE_BYTES,
            Self::Only(backend) => backend == Backend::Baseline,
        }
    }
}
