//! Compilation on a serving node. A child process compiles a module that is not in the cache, with limits that follow
//! from the job's price and timeout. Failures are remembered, so that each costs only once. The compiled module is
//! passed through the cache only.

mod child;
mod command;
mod failures;
mod limits;
mod report;

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use bacalhau_runtime::{Error, Module, Refusal, Runtime};
use bacalhau_tree::{Deadline, HostFailure, Link};

pub use command::CompileCommand;
pub use limits::CompileLimits;
pub use report::CompileReport;

use child::{Ended, Input};
use failures::{Failure, Failures, Purpose};
pub(super) use limits::Price;

/// Maximum modules whose limits are remembered for their optimization.
const MOST_LIMITS: usize = 64;

/// Compiles modules for one node.
pub struct Compilers {
    command: CompileCommand,
    cache_dir: PathBuf,
    failures: Failures,
    /// Limits of the latest requested modules.
    limits: Mutex<VecDeque<(Link, CompileLimits)>>,
}

impl Compilers {
    /// Compiles with `command` into the cache in `cache_dir`.
    pub fn new(command: CompileCommand, cache_dir: PathBuf) -> Self {
        Self { command, cache_dir, failures: Failures::default(), limits: Mutex::default() }
    }

    /// The module `binary`, from the cache of `runtime`, or compiled for a job of that `price`. Returns when its
    /// compile process has ended, also after `deadline`.
    ///
    /// # Errors
    /// [`Error::Refused`] when the module is invalid on every machine; [`Error::Host`] when the process exceeded its
    /// limits or was killed.
    pub(super) fn load(
        &self,
        runtime: &Runtime,
        binary: &[u8],
        price: &Price,
        deadline: &Deadline,
    ) -> Result<Module, Error> {
        let (module, limits) = (Link::of_raw(binary), CompileLimits::of(price, binary.len() as u64));
        self.remember(module, limits);
        if let Some(module) = runtime.load_compiled(binary) {
            return Ok(module);
        }
        self.failures.check(&module, Purpose::Run, &limits)?;
        self.compile(module, Purpose::Run, Input::Bytes(binary), &limits, deadline)?;
        let failed = || HostFailure::new("the compiled module is not in the cache: it was removed or is unreadable");
        Ok(runtime.load_compiled(binary).ok_or_else(failed)?)
    }

    /// Starts a low-priority process for the optimized form of a module. It has the limits of the job that used the
    /// module last.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn optimize(self: &Arc<Self>, module: Link, bytes: File) -> io::Result<()> {
        let Some(limits) = self.limits_of(&module) else { return Ok(()) };
        if self.failures.check(&module, Purpose::Optimize, &limits).is_err() {
            return Ok(());
        }
        let this = Arc::clone(self);
        let optimize = move || {
            let ended = this.compile(module, Purpose::Optimize, Input::File(bytes), &limits, &Deadline::never());
            if let Err(error) = ended {
                tracing::info!(%module, "a module was not optimized: {error}");
            }
        };
        thread::Builder::new().name("optimize".into()).spawn(optimize).map(drop)
    }

    /// Runs a compile process and records a failure.
    fn compile(
        &self,
        module: Link,
        purpose: Purpose,
        input: Input<'_>,
        limits: &CompileLimits,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let optimize = purpose == Purpose::Optimize;
        let command = self.command.of(&self.cache_dir, limits, optimize);
        let clock = Instant::now();
        let (ended, failed) = match child::run(command, input, deadline)? {
            Ended::Reported(CompileReport::Compiled) => {
                tracing::debug!(%module, optimize, seconds = clock.elapsed().as_secs_f64(), "a process has compiled a \
                    module");
                self.failures.forget(&module, purpose);
                return Ok(());
            }
            Ended::Reported(CompileReport::Refused { message }) => {
                let refusal = Refusal::module(message);
                (Error::Refused(refusal.clone()), Some(Failure::Refused(refusal)))
            }
            Ended::Reported(CompileReport::Failed { message }) => (HostFailure::new(message).into(), None),
            Ended::OutOfTime => (limits.out_of_time().into(), Some(Failure::Time(limits.cpu_seconds))),
            Ended::OutOfMemory => (limits.out_of_memory().into(), Some(Failure::Memory(limits.memory_bytes))),
            Ended::Otherwise(how) => (HostFailure::new(format!("the compile process {how}")).into(), None),
            Ended::Stopped { failure, used } => {
                // It had all or most of its time limit.
                let had_its_time = used.as_secs() >= limits.cpu_seconds / 2;
                (failure.into(), had_its_time.then_some(Failure::Time(limits.cpu_seconds)))
            }
        };
        if let Some(failure) = failed {
            self.failures.remember(module, purpose, failure);
        }
        Err(ended)
    }

    fn remember(&self, module: Link, limits: CompileLimits) {
        let mut known = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(other, _)| *other != module);
        known.push_back((module, limits));
        if known.len() > MOST_LIMITS {
            known.pop_front();
        }
    }

    fn limits_of(&self, module: &Link) -> Option<CompileLimits> {
        let known = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(other, _)| other == module).map(|(_, limits)| *limits)
    }
}

impl fmt::Debug for Compilers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compilers").field("cache_dir", &self.cache_dir).finish_non_exhaustive()
    }
}
