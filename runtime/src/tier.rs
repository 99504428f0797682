//! Which backend executes a module, and when: what an embedder chooses, and the one number behind the choice.

use crate::engine::Backend;

/// Modules that are smaller are compiled with optimisations at once, on all threads. Measured for each MB of binary: some
/// 2.5 s of processor time for that, 0.4 s for the baseline. So here two cores save a quarter of a second with it, and
/// the first run of a small program is not made slower for less.
pub(crate) const LARGE_MODULE_BYTES: usize = 256 << 10;

/// Which compiled form of a module is executed. Claims do not depend on it; receipts say what it came to in
/// [`Unclaimed::backend`](crate::Unclaimed::backend).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tier {
    /// The first one that is there. A large module that is not in the cache is compiled by [`Backend::Baseline`], which
    /// takes a fraction of the time, and then by [`Backend::Optimized`] on threads of low priority. Runs that begin
    /// later use that; a run in progress stays on its form.
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

    /// Whether the baseline comes before it, for a module of this length.
    pub(crate) fn begins_with_baseline(self, bytes: usize) -> bool {
        match self {
            Self::Auto => bytes >= LARGE_MODULE_BYTES,
            Self::Only(backend) => backend == Backend::Baseline,
        }
    }
}
