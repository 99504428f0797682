//! Loads modules and runs jobs: calls the steps of a run in order.

use std::fmt;
use std::io::Read;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::ExternType;

use bacalhau_tree::{
    Control, Deadline, HostFailure, Link,
    inputs::{self, Inputs},
};

use crate::engine::Backend;
use crate::error::Error;
use crate::execution::Execution;
use crate::forms::Forms;
use crate::gate::{self, Refusal, RefusalKind};
use crate::host_memory::HostMemory;
use crate::loader::Loader;
use crate::options::Options;
use crate::sandbox::{self, Ended};
use crate::staging::Staging;
use crate::vfs::Scratch;
use crate::vfs::fault::{Fault, Stop};
use crate::wasi::World;
use crate::watchdog::Watchdog;
use bacalhau_receipt::{CallTrail, Job, Profile, Receipt};

/// Compiles modules and runs jobs. Cheap to clone, to be shared by any number of threads.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    loader: Arc<Loader>,
    watchdog: Watchdog,
    options: Options,
}

/// A module that was accepted and compiled. Cheap to clone; any number of runs share it.
#[derive(Clone)]
pub struct Module(Arc<Loaded>);

struct Loaded {
    cid: Link,
    bytes: u64,
    from_cache: bool,
    forms: Forms,
}

impl Runtime {
    /// A runtime with `options`.
    ///
    /// # Errors
    /// When the engine does not support this machine. An unusable cache directory is not an error: nothing is cached
    /// then.
    pub fn new(options: &Options) -> Result<Self, HostFailure> {
        let loader = Arc::new(Loader::new(options)?);
        Ok(Self(Arc::new(Inner { loader, watchdog: Watchdog::default(), options: options.clone() })))
    }

    /// Validates and compiles a module, binary or text, or loads it from the cache.
    ///
    /// With [`Tier::Auto`](crate::Tier::Auto) a large module may be compiled again while it is used: by low-priority
    /// threads, which end with the process at the latest, or by [`Options::optimizer`]. [`Module::settle`] waits for
    /// that.
    ///
    /// # Errors
    /// [`Error::Refused`] with the invalid part and what to do.
    pub fn load(&self, bytes: &[u8]) -> Result<Module, Error> {
        let Inner { loader, options, .. } = &*self.0;
        let binary = gate::to_binary(bytes, options.module_bytes)?;
        let digest: [u8; 32] = Sha256::digest(&binary).into();
        let (cid, bytes) = (Link::of_raw_digest(digest), binary.len() as u64);
        let (forms, from_cache) = loader.load(&binary, digest)?;
        Ok(Module(Arc::new(Loaded { cid, bytes, from_cache, forms })))
    }

    /// Why the cache directory of the options is not used: another user could read or replace its content.
    pub fn cache_problem(&self) -> Option<&str> {
        self.0.loader.cache_problem()
    }

    /// A binary module from the cache, compiled earlier. Compiles nothing. `None` when it is not cached.
    pub fn load_compiled(&self, binary: &[u8]) -> Option<Module> {
        let digest: [u8; 32] = Sha256::digest(binary).into();
        let forms = self.0.loader.compiled(binary, digest)?;
        let (cid, bytes) = (Link::of_raw_digest(digest), binary.len() as u64);
        Some(Module(Arc::new(Loaded { cid, bytes, from_cache: true, forms })))
    }

    /// Accepts and compiles a binary module for the cache, where [`Runtime::load_compiled`] of other processes finds it.
    ///
    /// # Errors
    /// As for `load`, and [`Error::Host`] when the cache does not take it.
    pub fn compile(&self, binary: &[u8]) -> Result<(), Error> {
        self.0.loader.compile(binary, Sha256::digest(binary).into())
    }

    /// Makes the optimized form of a binary module for the cache, unless it exists, another process makes one, or the
    /// maximum of attempts is reached. Returns whether it exists. `module` is read only if this process optimizes. A
    /// process started by [`Options::optimizer`] calls this and ends.
    ///
    /// # Errors
    /// As for `load`, and when `module` cannot be read.
    pub fn optimize(&self, mut module: impl Read) -> Result<bool, Error> {
        self.0.loader.optimize(|| {
            let mut bytes = Vec::new();
            module.read_to_end(&mut bytes).map_err(|error| HostFailure::io("read the module", error))?;
            Ok(bytes)
        })
    }

    /// Maximum host memory of a run of `job` beside its linear memories.
    pub(crate) fn host_bytes(&self, job: &Job) -> u64 {
        self.0.options.host_bytes.unwrap_or_else(|| job.limits.host_bytes())
    }

    /// Runs `job` and moves its results to the new directory `results`, whose parent exists: [`Runtime::execute`] and
    /// [`Execution::keep`] in one.
    ///
    /// # Errors
    /// [`Error::Refused`] for an invalid job, [`Error::Host`] when this machine fails, including a run longer than
    /// `timeout`. There is no directory `results` then.
    pub fn run(
        &self,
        module: &Module,
        job: &Job,
        inputs: &Inputs,
        results: &Path,
        timeout: Duration,
    ) -> Result<Receipt, Error> {
        self.run_with_calls(module, job, inputs, results, timeout).map(|(receipt, _)| receipt)
    }

    /// [`Runtime::run`], also returning the host calls.
    ///
    /// # Errors
    /// As for `run`.
    pub fn run_with_calls(
        &self,
        module: &Module,
        job: &Job,
        inputs: &Inputs,
        results: &Path,
        timeout: Duration,
    ) -> Result<(Receipt, CallTrail), Error> {
        let workplace = results.parent().unwrap_or(Path::new("."));
        let mut execution = self.execute(module, job, inputs, workplace, timeout)?;
        let calls = mem::take(&mut execution.ended.calls);
        Ok((execution.keep(results)?, calls))
    }

    /// Runs `job`. Large files go to a directory in `workplace`, which is created on demand and removed with the
    /// [`Execution`].
    ///
    /// Inputs are opened, not copied; their hashes are computed while the program runs. `timeout` includes that and
    /// [`Execution::keep`].
    ///
    /// # Errors
    /// As for [`Runtime::run`].
    pub fn execute(
        &self,
        module: &Module,
        job: &Job,
        inputs: &Inputs,
        workplace: &Path,
        timeout: Duration,
    ) -> Result<Execution, Error> {
        self.execute_under(&Deadline::new(timeout), module, job, inputs, workplace)
    }

    /// [`Runtime::execute`] until `deadline`, whose control can cancel the run and read its output.
    ///
    /// It returns at the deadline even if a read of an input blocks in the kernel: the threads that read inputs own
    /// their data and are left behind.
    ///
    /// # Errors
    /// As for `execute`; a cancelled run is a host failure.
    pub fn execute_under(
        &self,
        deadline: &Deadline,
        module: &Module,
        job: &Job,
        inputs: &Inputs,
        workplace: &Path,
    ) -> Result<Execution, Error> {
        deadline.check()?;
        check(module, job, inputs)?;
        let staging = Arc::new(Staging::new(workplace));
        let guest = Guest {
            runtime: self.clone(),
            module: module.clone(),
            job: job.clone(),
            inputs: inputs.clone(),
            staging: staging.clone(),
        };
        let (job, ended, backend) = if inputs.is_empty() {
            let (ended, backend) = guest.run(deadline)?;
            (job.clone(), ended, backend)
        } else {
            let hashing = inputs::identities(inputs, deadline)?;
            let running = deadline.begin("run the program", move |deadline| guest.run(deadline))?;
            let (ended, backend) = running.wait()??;
            let found = hashing.wait()??;
            // Both have finished reading; the inputs must still be unchanged.
            inputs::check_unchanged(inputs, deadline)?.wait()??;
            (job.with_identities(found)?, ended, backend)
        };
        deadline.check()?;
        Ok(Execution { job, ended, staging, backend, deadline: deadline.clone() })
    }
}

/// A run of a guest, with all that its thread uses.
struct Guest {
    runtime: Runtime,
    module: Module,
    job: Job,
    inputs: Inputs,
    staging: Arc<Staging>,
}

impl Guest {
    fn run(self, deadline: &Deadline) -> Result<(Ended, Backend), Error> {
        let Self { runtime, module, job, inputs, staging } = self;
        let forms = &module.0.forms;
        let begun = forms.begun();
        let form = forms.now();
        let scratch = Scratch::new(staging, deadline.control().map_or(u64::MAX, Control::disk_bytes));
        let memory = HostMemory::new(runtime.host_bytes(&job));
        let mut world = World::new(&job, &inputs, scratch, memory).map_err(world_setup_error)??;
        world.control = deadline.control().cloned();
        let ended = sandbox::run(form, &job, world, &runtime.0.watchdog, deadline);
        forms.ended(begun);
        Ok((ended?, form.backend))
    }
}

impl Module {
    /// CID of the binary as one raw block, as in [`Job::module`].
    pub fn cid(&self) -> Link {
        self.0.cid
    }

    /// The oldest profile that has the module's language. A job of a newer one runs it too, of an older one not.
    pub fn profile(&self) -> &'static Profile {
        self.0.forms.now().profile()
    }

    /// Whether it was found in the cache, and not compiled before it could run.
    pub fn is_from_cache(&self) -> bool {
        self.0.from_cache
    }

    /// The backend of a run that starts now.
    pub fn backend(&self) -> Backend {
        self.0.forms.now().backend
    }

    /// Waits until the final form by the runtime's [`Tier`](crate::Tier) is compiled and cached, for embedders that
    /// prefer waiting to slow runs.
    pub fn settle(&self) {
        self.0.forms.settle();
    }

    /// Names of exported functions without parameters and results, which can be entry points.
    pub fn entry_points(&self) -> Vec<String> {
        let module = self.0.forms.now().pre.module();
        let exports = module.exports().filter(|export| is_callable(&export.ty()));
        exports.map(|export| export.name().to_owned()).filter(|name| !name.starts_with(gate::RESERVED_PREFIX)).collect()
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Runtime").field(&self.0.options).finish()
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Module").field(&self.0.cid).finish()
    }
}

/// Whether an export can be an entry point: a function without parameters and results.
fn is_callable(ty: &ExternType) -> bool {
    ty.func().is_some_and(|ty| ty.params().len() == 0 && ty.results().len() == 0)
}

/// Refuses a job that no machine could run, or that is not about this module and these inputs.
fn check(module: &Module, job: &Job, inputs: &Inputs) -> Result<(), Refusal> {
    job.check()?;
    let loaded = &module.0;
    if job.module != loaded.cid {
        return Err(Refusal::job(format!("the job is for module {}, but the one given is {}", job.module, loaded.cid)));
    }
    let needed = module.profile();
    if *needed == Profile::V2 && job.profile == Profile::V1.id() {
        let message = format!(
            "the module uses a part of the language that only profile {} has (exceptions, atomic operators); the job has \
             profile {}: run it with --profile {}",
            needed.name,
            Profile::V1.name,
            needed.name
        );
        return Err(Refusal::new(RefusalKind::Proposal, message));
    }
    if loaded.bytes > job.limits.module_bytes {
        let most = job.limits.module_bytes;
        return Err(Refusal::job(format!("the module has {} bytes; the job allows {most}", loaded.bytes)));
    }
    if !job.inputs.keys().eq(inputs.keys()) {
        let wanted: Vec<_> = job.inputs.keys().collect();
        let given: Vec<_> = inputs.keys().collect();
        return Err(Refusal::job(format!("the job has inputs at {wanted:?}, but the given ones are at {given:?}")));
    }
    let export = loaded.forms.now().pre.module().get_export(&job.entry_point);
    if export.as_ref().is_some_and(is_callable) && !job.entry_point.starts_with(gate::RESERVED_PREFIX) {
        return Ok(());
    }
    Err(gate::refuse_entry(&module.entry_points(), &job.entry_point, export.is_some()))
}

/// Before the guest's first instruction only the host can fail.
fn world_setup_error(fault: Fault) -> HostFailure {
    match fault {
        Fault::Stop(Stop::Host(failure)) => failure,
        fault => HostFailure::new(format!("the guest's file tree cannot be set up: {fault:?}")),
    }
}
