//! Makes optimized forms of modules for the cache: on this thread, on a background thread, or in a process started by
//! the embedder. `optimization` decides when.
//!
//! Optimizing holds the slot of the cache, so all processes of a machine optimize one module at a time.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread;

use sha2::{Digest, Sha256};

use bacalhau_tree::{HostFailure, Link};

use crate::cache::{Cache, Note};
use crate::compiler::{Compiler, Form};
use crate::error::Error;
use crate::gate;
use crate::instrument;
use crate::options::{Options, StartOptimizer};
use crate::workers::{Background, Workers};

/// Maximum processes that may end while optimizing one module, before no more is started: it exceeds their limits, or
/// processes do not live long enough here.
const MOST_ATTEMPTS: u64 = 3;

/// Nice value of background threads, of 19 at most. With busy runs this leaves the runs about three quarters of the
/// processors. With 10 they lose almost nothing, but a one-minute compile took more than three (measured with two runs
/// and other work on two cores).
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// A task for the background thread.
type Task = Box<dyn FnOnce() + Send>;

/// Makes optimized forms.
pub(crate) struct Optimizer {
    pub(crate) cache: Option<Cache>,
    /// Why a requested cache is not used.
    pub(crate) cache_problem: Option<String>,
    /// The final compiler of modules.
    pub(crate) last: Compiler,
    workers: Arc<Workers>,
    module_bytes: u64,
    cache_dir: Option<PathBuf>,
    start: Option<StartOptimizer>,
    /// Whether threads of this process optimize in the background.
    pub(crate) optimizes: bool,
    /// Queue of the background thread. Contains `None` if it could not be started.
    queue: OnceLock<Option<Sender<Task>>>,
}

impl Optimizer {
    /// # Errors
    /// When the engine does not support this machine.
    pub(crate) fn new(options: &Options, workers: &Arc<Workers>) -> Result<Self, HostFailure> {
        let (cache, cache_problem) = match options.cache_dir.as_deref().map(|dir| (dir, Cache::open(dir))) {
            None => (None, None),
            Some((_, Ok(cache))) => (Some(cache), None),
            // A missing permission is normal; an unsafe directory is reported.
            Some((_, Err(error))) if error.get_ref().is_none() => (None, None),
            Some((dir, Err(error))) => (None, Some(format!("{} is not used as a cache: {error}", dir.display()))),
        };
        Ok(Self {
            cache,
            cache_problem,
            last: Compiler::new(options.tier.last(), options, Arc::clone(workers))?,
            workers: Arc::clone(workers),
            module_bytes: options.module_bytes,
            cache_dir: options.cache_dir.clone(),
            start: options.optimizer.clone(),
            optimizes: options.optimizes,
            queue: OnceLock::new(),
        })
    }

    /// The code to compile for a binary module.
    ///
    /// # Errors
    /// By `gate` or `instrument`, or when no threads can be started.
    pub(crate) fn prepare(&self, binary: &[u8]) -> Result<Vec<u8>, Error> {
        self.workers.install(|| {
            gate::inspect(binary, self.module_bytes)?;
            Ok(instrument::instrument_stoppable(binary)?)
        })?
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

    /// Implements [`Runtime::optimize`](crate::Runtime::optimize).
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

    /// Optimizes a binary module before it runs, if a run of its baseline form took long. `None` also when another
    /// process is optimizing.
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

    /// Optimizes a binary module on this thread and its pool, after other processes have finished.
    pub(crate) fn here(&self, binary: &[u8], digest: [u8; 32]) -> Option<Form> {
        let _slot = self.cache.as_ref().and_then(Cache::slot);
        self.cached(digest).or_else(|| self.compile(&self.prepare(binary).ok()?, digest).ok())
    }

    /// Queues `task` for the background thread. `false`: there is no such thread.
    pub(crate) fn later(&self, task: Task) -> bool {
        let queue = self.queue.get_or_init(|| {
            let (sender, receiver) = mpsc::channel();
            thread::Builder::new().name("optimise".into()).spawn(move || work(&receiver)).ok().map(|_| sender)
        });
        queue.as_ref().is_some_and(|queue| queue.send(task).is_ok())
    }

    /// Starts another process to optimize a binary module; `false`: none was started, because one is optimizing or the
    /// maximum of attempts is reached. `None`: the embedder does not support it, or it could not use the cache.
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

/// Runs tasks until the optimizer is dropped.
fn work(queue: &Receiver<Task>) {
    give_way();
    let threads = Background::new(give_way);
    for task in queue {
        threads.install(task);
    }
}

/// Lowers the priority of this thread, where threads have one of their own.
fn give_way() {
    #[cfg(target_os = "linux")]
    // Where it is not allowed the thread works as all others do.
    let _ = rustix::process::nice(NICE);
}
