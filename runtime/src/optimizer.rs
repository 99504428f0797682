//! Makes the optimised forms of modules: for the cache, on this thread, on one that is behind everybody's back, or by a
//! process of the embedder's choice. When it is time for that, and for which module, is decided in `optimization`.
//!
//! Whoever optimises holds the slot of the cache meanwhile, so all processes of a machine work on one module at a time.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use rayon::ThreadPoolBuilder;
use sha2::{Digest, Sha256};

use bacalhau_tree::{HostFailure, Link};

use crate::cache::{Cache, Note};
use crate::compiler::{Compiler, Form};
use crate::error::Error;
use crate::gate::{self, Refusal};
use crate::instrument;
use crate::options::{Options, StartOptimizer};

/// How many processes may be ended while they optimise one module, before no other is started for it: it needs more
/// than they may use, or nothing here is left to run for so long.
const MOST_ATTEMPTS: u64 = 3;

/// By how much threads that nobody waits for give way to others, on a scale of 19. Where runs want every core, this
/// leaves them about three quarters. With 10 they hardly notice, but a compile of one minute was not done after three
/// (measured with two runs and other work on two cores).
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// Something to do for the thread that nobody waits for.
type Task = Box<dyn FnOnce() + Send>;

/// See the module.
pub(crate) struct Optimizer {
    pub(crate) cache: Option<Cache>,
    /// Why there is no cache although one is wanted.
    pub(crate) cache_problem: Option<String>,
    /// What modules are compiled with in the end.
    pub(crate) last: Compiler,
    module_bytes: u64,
    cache_dir: Option<PathBuf>,
    start: Option<StartOptimizer>,
    /// Whether threads of this process optimise what no run waits for.
    pub(crate) optimizes: bool,
    /// To the thread that optimises what this process has in use, one module after the other. `None` in it: there is none.
    queue: OnceLock<Option<Sender<Task>>>,
}

impl Optimizer {
    /// # Errors
    /// When the engine does not support this machine.
    pub(crate) fn new(options: &Options) -> Result<Self, HostFailure> {
        let (cache, cache_problem) = match options.cache_dir.as_deref().map(|dir| (dir, Cache::open(dir))) {
            None => (None, None),
            Some((_, Ok(cache))) => (Some(cache), None),
            // What the machine does not let us use is no news; what would not be safe is.
            Some((_, Err(error))) if error.get_ref().is_none() => (None, None),
            Some((dir, Err(error))) => (None, Some(format!("{} is not used as a cache: {error}", dir.display()))),
        };
        Ok(Self {
            cache,
            cache_problem,
            last: Compiler::new(options.tier.last())?,
            module_bytes: options.module_bytes,
            cache_dir: options.cache_dir.clone(),
            start: options.optimizer.clone(),
            optimizes: options.optimizes,
            queue: OnceLock::new(),
        })
    }

    /// What is compiled of a binary module.
    ///
    /// # Errors
    /// By `gate` or `instrument`.
    pub(crate) fn prepare(&self, binary: &[u8]) -> Result<Vec<u8>, Refusal> {
        gate::inspect(binary, self.module_bytes)?;
        instrument::instrument_stoppable(binary)
    }

    /// The optimised form of a module, if it is in the cache.
    pub(crate) fn cached(&self, digest: [u8; 32]) -> Option<Form> {
        let cache = self.cache.as_ref()?;
        self.last.is_cached(cache, digest).then(|| self.last.cached(cache, digest)).flatten()
    }

    /// Makes the form of a prepared module, and adds it to the cache.
    ///
    /// # Errors
    /// As [`Compiler::compile`].
    pub(crate) fn compile(&self, prepared: &[u8], digest: [u8; 32]) -> Result<Form, Error> {
        let form = self.last.compile(prepared, self.cache.as_ref(), digest)?;
        if let Some(cache) = &self.cache {
            cache.forget(&self.last.cache_name(digest));
        }
        Ok(form)
    }

    /// What [`Runtime::optimize`](crate::Runtime::optimize) does.
    ///
    /// # Errors
    /// When the module cannot be read or compiled.
    pub(crate) fn for_the_cache(&self, module: impl FnOnce() -> Result<Vec<u8>, HostFailure>) -> Result<bool, Error> {
        let Some(cache) = &self.cache else { return Ok(false) };
        let Some(_slot) = cache.try_slot() else { return Ok(false) };
        let binary = module()?;
        let digest = Sha256::digest(&binary).into();
        if self.cached(digest).is_some() {
            return Ok(true);
        }
        let name = self.last.cache_name(digest);
        if cache.notes(&name, Note::Attempt) >= MOST_ATTEMPTS || cache.note(&name, Note::Attempt).is_err() {
            return Ok(false);
        }
        let prepared = self.prepare(&binary)?;
        self.last.make(&prepared, Some(cache), digest)?;
        let made = cache.has(&name);
        if made {
            cache.forget(&name);
        }
        Ok(made)
    }

    /// Makes the form of a binary module before it runs, if a run of its baseline form took long. `None` also when
    /// another process is at something: then nobody waits for it.
    pub(crate) fn before_it_runs(&self, binary: &[u8], digest: [u8; 32]) -> Option<Form> {
        let cache = self.cache.as_ref()?;
        let name = self.last.cache_name(digest);
        if cache.notes(&name, Note::LongRun) == 0 || cache.notes(&name, Note::Attempt) >= MOST_ATTEMPTS {
            return None;
        }
        let _slot = cache.try_slot()?;
        cache.note(&name, Note::Attempt).ok()?;
        self.compile(&self.prepare(binary).ok()?, digest).ok()
    }

    /// A run of the module's baseline form took about as long as making its optimised form.
    pub(crate) fn remember_long_run(&self, digest: [u8; 32]) {
        if let Some(cache) = &self.cache {
            let name = self.last.cache_name(digest);
            if cache.notes(&name, Note::LongRun) == 0 {
                // Without a note, the next run is as slow as this one.
                let _ = cache.note(&name, Note::LongRun);
            }
        }
    }

    /// Makes the form of a binary module on this thread and those of its pool, once no other process is at one.
    pub(crate) fn here(&self, binary: &[u8], digest: [u8; 32]) -> Option<Form> {
        let _slot = self.cache.as_ref().and_then(Cache::slot);
        self.cached(digest).or_else(|| self.compile(&self.prepare(binary).ok()?, digest).ok())
    }

    /// Has the thread for that do `task`, after all others. `false`: there is no such thread.
    pub(crate) fn later(&self, task: Task) -> bool {
        let queue = self.queue.get_or_init(|| {
            let (sender, receiver) = mpsc::channel();
            thread::Builder::new().name("optimise".into()).spawn(move || work(&receiver)).ok().map(|_| sender)
        });
        queue.as_ref().is_some_and(|queue| queue.send(task).is_ok())
    }

    /// Has another process make the form of a binary module; `false`: none was started, since one is at something, or
    /// they were all ended over this module. `None`: there are no such processes here, or they could not use the cache.
    pub(crate) fn elsewhere(&self, binary: &[u8], digest: [u8; 32]) -> Option<bool> {
        let (cache, dir, start) = (self.cache.as_ref()?, self.cache_dir.as_ref()?, self.start.as_ref()?);
        let name = self.last.cache_name(digest);
        if cache.notes(&name, Note::Attempt) >= MOST_ATTEMPTS || cache.try_slot().is_none() {
            return Some(false);
        }
        start.start(Link::of_raw_digest(digest), cache.spool(binary).ok()?, dir).ok()?;
        Some(true)
    }
}

/// Does what comes, until the optimizer is gone.
fn work(queue: &Receiver<Task>) {
    give_way();
    // A pool of its own: work of a run must not queue behind this.
    let pool = ThreadPoolBuilder::new().thread_name(|_| "optimise".into()).start_handler(|_| give_way()).build();
    for task in queue {
        match &pool {
            Ok(pool) => pool.install(task),
            Err(_) => task(),
        }
    }
}

/// Lowers the priority of this thread, where threads have one of their own.
fn give_way() {
    #[cfg(target_os = "linux")]
    // Where it is not allowed the thread works as all others do.
    let _ = rustix::process::nice(NICE);
}
