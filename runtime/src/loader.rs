//! From the bytes of a module to something that runs, as soon as may be: the cache, then a quick compile, and an optimised
//! one once the module is known to be used (`optimization`). It decides the order; `compiler` does the work.

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

/// Loads modules.
pub(crate) struct Loader {
    tier: Tier,
    /// Also what modules are compiled by that are not optimised, with another [`Tier`].
    optimizer: Arc<Optimizer>,
    /// Made by the first module that wants it. `None` in it: there is none for this machine.
    baseline: OnceLock<Option<Compiler>>,
    /// What is in use and may be optimised, by the SHA-256 of the module: loading one twice compiles it once.
    unfinished: Mutex<BTreeMap<[u8; 32], Weak<Optimization>>>,
}

impl Loader {
    /// # Errors
    /// When the engine does not support this machine.
    pub(crate) fn new(options: &Options) -> Result<Self, HostFailure> {
        let optimizer = Arc::new(Optimizer::new(options)?);
        Ok(Self { tier: options.tier, optimizer, baseline: OnceLock::new(), unfinished: Mutex::default() })
    }

    /// The forms of a binary module, whose SHA-256 is `digest`, and whether the first was in the cache.
    ///
    /// # Errors
    /// [`Error::Refused`] by `gate` or `instrument`, and when no backend takes the module.
    pub(crate) fn load(&self, binary: &[u8], digest: [u8; 32]) -> Result<(Forms, bool), Error> {
        let optimizer = &self.optimizer;
        if self.tier != Tier::Only(Backend::Baseline)
            && let Some(form) = optimizer.cached(digest)
        {
            return Ok((Forms::only(form), true));
        }
        let code_bytes = gate::code_bytes(binary);
        let baseline = self.tier.begins_with_baseline(code_bytes).then(|| self.baseline()).flatten();
        let cache = optimizer.cache.as_ref();
        if self.tier == Tier::Auto
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

    /// The best forms of a binary module that the cache has. Nothing is compiled.
    pub(crate) fn compiled(&self, binary: &[u8], digest: [u8; 32]) -> Option<Forms> {
        if self.tier != Tier::Only(Backend::Baseline)
            && let Some(form) = self.optimizer.cached(digest)
        {
            return Some(Forms::only(form));
        }
        let code_bytes = gate::code_bytes(binary);
        let baseline = self.tier.begins_with_baseline(code_bytes).then(|| self.baseline()).flatten()?;
        let form = baseline.cached(self.optimizer.cache.as_ref()?, digest)?;
        Some(Forms::new(form, self.optimization(binary, digest, code_bytes)))
    }

    /// Makes the form of a binary module that is ready first, for the cache.
    ///
    /// # Errors
    /// [`Error::Refused`] as for `load`, [`Error::Host`] when the cache does not take it.
    pub(crate) fn compile(&self, binary: &[u8], digest: [u8; 32]) -> Result<(), Error> {
        let Some(cache) = &self.optimizer.cache else {
            return Err(HostFailure::new("there is no cache of compiled modules that can be used").into());
        };
        let prepared = self.optimizer.prepare(binary)?;
        let baseline = self.tier.begins_with_baseline(gate::code_bytes(binary)).then(|| self.baseline()).flatten();
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

    /// What [`Runtime::optimize`](crate::Runtime::optimize) does.
    ///
    /// # Errors
    /// When the module cannot be read or compiled.
    pub(crate) fn optimize(&self, module: impl FnOnce() -> Result<Vec<u8>, HostFailure>) -> Result<bool, Error> {
        self.optimizer.for_the_cache(module)
    }

    /// Why there is no cache although one is wanted.
    pub(crate) fn cache_problem(&self) -> Option<&str> {
        self.optimizer.cache_problem.as_deref()
    }

    fn baseline(&self) -> Option<&Compiler> {
        self.baseline.get_or_init(|| Compiler::new(Backend::Baseline).ok()).as_ref()
    }

    /// What may come of a module after its baseline form, with [`Tier::Auto`].
    fn optimization(&self, binary: &[u8], digest: [u8; 32], code_bytes: u64) -> Option<Arc<Optimization>> {
        if self.tier != Tier::Auto {
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
