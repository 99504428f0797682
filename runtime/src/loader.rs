//! Loads modules with low latency: cache, then baseline compile, then optimized compile in the background
//! (`optimization`). Decides the order; `compiler` does the work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use bacalhau_tree::HostFailure;

use crate::compiler::Compiler;
use crate::engine::Backend;
use crate::error::Error;
use crate::forms::Forms;
use crate::gate;
use crate::optimization::Optimization;
use crate::optimizer::Optimizer;
use crate::options::Options;
use crate::tier::{self, Tier};
use crate::workers::Workers;

/// Loads modules.
pub(crate) struct Loader {
    options: Options,
    workers: Arc<Workers>,
    /// Also compiles modules that are not optimized, with another [`Tier`].
    optimizer: Arc<Optimizer>,
    /// Created on first use. Contains `None` if this machine does not support it.
    baseline: OnceLock<Option<Compiler>>,
    /// Modules in use that may be optimized, by SHA-256: loading one twice compiles it once.
    unfinished: Mutex<BTreeMap<[u8; 32], Weak<Optimization>>>,
}

impl Loader {
    /// # Errors
    /// When the engine does not support this machine.
    pub(crate) fn new(options: &Options) -> Result<Self, HostFailure> {
        let options = options.clone();
        let workers = Arc::new(Workers::new(options.threads));
        let optimizer = Arc::new(Optimizer::new(&options, &workers)?);
        Ok(Self { options, workers, optimizer, baseline: OnceLock::new(), unfinished: Mutex::default() })
    }

    /// The forms of a binary module with the SHA-256 `digest`, and whether the first was in the cache.
    ///
    /// # Errors
    /// [`Error::Refused`] by `gate` or `instrument`, or when no backend supports the module.
    pub(crate) fn load(&self, binary: &[u8], digest: [u8; 32]) -> Result<(Forms, bool), Error> {
        let optimizer = &self.optimizer;
        if self.options.tier != Tier::Only(Backend::Baseline)
            && let Some(form) = optimizer.cached(digest)
        {
            return Ok((Forms::only(form), true));
        }
        let code_bytes = gate::code_bytes(binary);
        let baseline = self.options.tier.begins_with_baseline(code_bytes).then(|| self.baseline()).flatten();
        let cache = optimizer.cache.as_ref();
        if self.options.tier == Tier::Auto
            && let Some(form) = optimizer.before_it_runs(binary, digest)
        {
            return Ok((Forms::only(form), false));
        }
        if let Some(form) = baseline.zip(cache).and_then(|(baseline, cache)| baseline.cached(cache, digest)) {
            let better = self.optimization(binary, digest, code_bytes);
            if let Some(better) = &better {
                // An earlier process has run it, so later ones will.
                better.start_elsewhere();
            }
            return Ok((Forms::new(form, better), true));
        }
        let prepared = optimizer.prepare(binary)?;
        if let Some(form) = baseline.and_then(|baseline| baseline.compile(&prepared, cache, digest).ok()) {
            return Ok((Forms::new(form, self.optimization(binary, digest, code_bytes)), false));
        }
        if let Some(form) = optimizer.cached(digest) {
            return Ok((Forms::only(form), true));
        }
        Ok((Forms::only(optimizer.compile(&prepared, digest)?), false))
    }

    /// The best forms of a binary module in the cache. Compiles nothing.
    pub(crate) fn compiled(&self, binary: &[u8], digest: [u8; 32]) -> Option<Forms> {
        if self.options.tier != Tier::Only(Backend::Baseline)
            && let Some(form) = self.optimizer.cached(digest)
        {
            return Some(Forms::only(form));
        }
        let code_bytes = gate::code_bytes(binary);
        let baseline = self.options.tier.begins_with_baseline(code_bytes).then(|| self.baseline()).flatten()?;
        let form = baseline.cached(self.optimizer.cache.as_ref()?, digest)?;
        Some(Forms::new(form, self.optimization(binary, digest, code_bytes)))
    }

    /// Makes the form of a binary module that is ready first, for the cache.
    ///
    /// # Errors
    /// [`Error::Refused`] as for `load`, [`Error::Host`] when the cache does not take it.
    pub(crate) fn compile(&self, binary: &[u8], digest: [u8; 32]) -> Result<(), Error> {
        let Some(cache) = &self.optimizer.cache else {
            return Err(HostFailure::new("there is no usable cache of compiled modules").into());
        };
        let prepared = self.optimizer.prepare(binary)?;
        let baseline =
            self.options.tier.begins_with_baseline(gate::code_bytes(binary)).then(|| self.baseline()).flatten();
        let last = &self.optimizer.last;
        let made = match baseline {
            Some(baseline) if baseline.make(&prepared, Some(cache), digest).is_ok() => baseline,
            _ => last.make(&prepared, Some(cache), digest).map(|_| last)?,
        };
        if made.is_cached(cache, digest) {
            return Ok(());
        }
        Err(HostFailure::new("the compiled module could not be written to the cache").into())
    }

    /// Implements [`Runtime::optimize`](crate::Runtime::optimize).
    ///
    /// # Errors
    /// When the module cannot be read or compiled.
    pub(crate) fn optimize(&self, module: impl FnOnce() -> Result<Vec<u8>, HostFailure>) -> Result<bool, Error> {
        self.optimizer.for_the_cache(module)
    }

    /// Why a requested cache is not used.
    pub(crate) fn cache_problem(&self) -> Option<&str> {
        self.optimizer.cache_problem.as_deref()
    }

    fn baseline(&self) -> Option<&Compiler> {
        let make = || Compiler::new(Backend::Baseline, &self.options, Arc::clone(&self.workers)).ok();
        self.baseline.get_or_init(make).as_ref()
    }

    /// A possible optimization of a module after its baseline form, with [`Tier::Auto`].
    fn optimization(&self, binary: &[u8], digest: [u8; 32], code_bytes: u64) -> Option<Arc<Optimization>> {
        if self.options.tier != Tier::Auto {
            return None;
        }
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        unfinished.retain(|_, optimization| optimization.strong_count() > 0);
        if let Some(optimization) = unfinished.get(&digest).and_then(Weak::upgrade) {
            return Some(optimization);
        }
        let optimizer = Arc::clone(&self.optimizer);
        let optimization = Arc::new(Optimization::new(optimizer, digest, binary, tier::patience(code_bytes)));
        unfinished.insert(digest, Arc::downgrade(&optimization));
        Some(optimization)
    }
}
