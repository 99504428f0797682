//! From the bytes of a module to something that runs, as soon as may be: the cache, then a quick compile, then a good
//! one behind everybody's back. It decides the order; `compiler` does the work.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::cache::Cache;
use crate::compiler::{Compiler, Form};
use crate::engine::Backend;
use crate::error::{Error, HostFailure};
use crate::forms::{Coming, Forms};
use crate::gate::{self, Refusal};
use crate::instrument;
use crate::tier::Tier;

/// By how much threads that nobody waits for give way to others, on a scale of 19. Where runs want every core, this
/// leaves them about three quarters. With 10 they hardly notice, but a compile of one minute was not done after three
/// (measured with two runs and other work on two cores).
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Loads modules. Compiles that nobody waits for keep it alive until they are done.
pub(crate) struct Loader {
    tier: Tier,
    module_bytes: u64,
    cache: Option<Cache>,
    /// What modules are compiled with in the end.
    last: Compiler,
    /// Made by the first module that wants it. `None` in it: there is none for this machine.
    baseline: OnceLock<Option<Compiler>>,
    /// For compiles that nobody waits for. A pool of its own: work of a run must not queue behind them.
    pool: OnceLock<Option<ThreadPool>>,
    /// What the pool is at, by the SHA-256 of the module: loading one twice compiles it once.
    underway: Mutex<BTreeMap<[u8; 32], Coming>>,
}

impl Loader {
    /// # Errors
    /// When the engine does not support this machine.
    pub(crate) fn new(tier: Tier, cache_dir: Option<&Path>, module_bytes: u64) -> Result<Self, HostFailure> {
        Ok(Self {
            tier,
            module_bytes,
            cache: cache_dir.and_then(Cache::open),
            last: Compiler::new(tier.last())?,
            baseline: OnceLock::new(),
            pool: OnceLock::new(),
            underway: Mutex::default(),
        })
    }

    /// The forms of a binary module, whose SHA-256 is `digest`, and whether the first was in the cache.
    ///
    /// # Errors
    /// [`Error::Refused`] by `gate` or `instrument`, and when no backend takes the module.
    pub(crate) fn load(self: &Arc<Self>, binary: &[u8], digest: [u8; 32]) -> Result<(Forms, bool), Error> {
        if self.tier != Tier::Only(Backend::Baseline)
            && let Some(form) = self.cached(&self.last, digest)
        {
            return Ok((Forms::only(form), true));
        }
        let baseline = self.tier.begins_with_baseline(binary.len()).then(|| self.baseline()).flatten();
        if let Some(form) = baseline.and_then(|baseline| self.cached(baseline, digest)) {
            let binary = binary.to_vec();
            let forms = self.until_better(form, digest, move |loader| loader.prepare(&binary).ok());
            return Ok((forms, true));
        }
        let instrumented = self.prepare(binary)?;
        if let Some(form) = baseline.and_then(|baseline| self.compile(baseline, &instrumented, digest).ok()) {
            return Ok((self.until_better(form, digest, |_| Some(instrumented)), false));
        }
        if let Some(form) = self.cached(&self.last, digest) {
            return Ok((Forms::only(form), true));
        }
        Ok((Forms::only(self.compile(&self.last, &instrumented, digest)?), false))
    }

    fn baseline(&self) -> Option<&Compiler> {
        self.baseline.get_or_init(|| Compiler::new(Backend::Baseline).ok()).as_ref()
    }

    fn cached(&self, compiler: &Compiler, digest: [u8; 32]) -> Option<Form> {
        self.cache.as_ref().and_then(|cache| compiler.cached(cache, digest))
    }

    fn prepare(&self, binary: &[u8]) -> Result<Vec<u8>, Refusal> {
        gate::inspect(binary, self.module_bytes)?;
        instrument::instrument_stoppable(binary)
    }

    fn compile(&self, compiler: &Compiler, instrumented: &[u8], digest: [u8; 32]) -> Result<Form, Error> {
        compiler.compile(instrumented, self.cache.as_ref(), digest)
    }

    /// `first`, and with [`Tier::Auto`] what the pool makes of the instrumented module.
    fn until_better(
        self: &Arc<Self>,
        first: Form,
        digest: [u8; 32],
        instrumented: impl FnOnce(&Self) -> Option<Vec<u8>> + Send + 'static,
    ) -> Forms {
        let Some(pool) = (self.tier == Tier::Auto).then(|| self.pool()).flatten() else { return Forms::only(first) };
        let mut underway = self.underway();
        if let Some(coming) = underway.get(&digest) {
            return Forms::until(first, coming.clone());
        }
        let coming = Coming::default();
        underway.insert(digest, coming.clone());
        let (loader, made) = (self.clone(), coming.clone());
        pool.spawn(move || {
            let make = || instrumented(&loader).and_then(|module| loader.compile(&loader.last, &module, digest).ok());
            // A panic has been said on standard error; whoever waits has to know as well.
            let form = catch_unwind(AssertUnwindSafe(make)).ok().flatten();
            // It was empty: nobody else sets it.
            let _ = made.set(form);
            loader.underway().remove(&digest);
        });
        Forms::until(first, coming)
    }

    fn underway(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Coming>> {
        self.underway.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pool(&self) -> Option<&ThreadPool> {
        let threads = ThreadPoolBuilder::new().thread_name(|_| "optimise".into()).start_handler(|_| give_way());
        self.pool.get_or_init(|| threads.build().ok()).as_ref()
    }
}

/// Lowers the priority of this thread, where threads have one of their own.
fn give_way() {
    #[cfg(target_os = "linux")]
    // Where it is not allowed the thread works as all others do.
    let _ = rustix::process::nice(NICE);
}
