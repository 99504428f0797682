//! Selection of the backend for a module: the embedder's choice, and the threshold behind it.

use std::time::Duration;

use crate::engine::Backend;

/// Modules with less code are compiled with optimisations at once, on all threads. Measured for each MB of code, in a
/// build for development: some 4 s of processor time for that, 1 s for the baseline. So here two cores save a third of a
/// second with it, and the first run of a small program is not made slower for less. Only code counts, not data.
const LARGE_CODE_BYTES: u64 = 256 << 10;

/// How long a module of this code size is in use before it is optimized, unless an earlier process has run it: about
/// half the time of optimizing with two threads. Short single runs never optimize.
pub(crate) fn patience(code_bytes: u64) -> Duration {
    Duration::from_nanos(code_bytes.saturating_mul(750))
}

/// Which compiled form of a module is executed. It does not affect claims; receipts record the backend in
/// [`Unclaimed::backend`](crate::Unclaimed::backend).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tier {
    /// The first one that is there. A module with much code that is not in the cache is compiled by
    /// [`Backend::Baseline`], which takes a fraction of the time. Once it has been in use for about as long as
    /// [`Backend::Optimized`] needs for it, that form is made as well, at low priority. Runs that begin later use it; a
    /// run in progress stays on its form.
    #[default]
    Auto,
    /// Always this backend. Modules that [`Backend::Baseline`] does not support use [`Backend::Optimized`].
    Only(Backend),
}

impl Tier {
    /// The final backend of modules.
    pub(crate) fn last(self) -> Backend {
        match self {
            Self::Auto | Self::Only(Backend::Baseline) => Backend::Optimized,
            Self::Only(backend) => backend,
        }
    }

    /// Whether a module of this code size uses the baseline first.
    pub(crate) fn begins_with_baseline(self, code_bytes: u64) -> bool {
        match self {
            Self::Auto => code_bytes >= LARGE_CODE_BYTES,
            Self::Only(backend) => backend == Backend::Baseline,
        }
    }
}
