//! Compiles modules and runs jobs. It puts the rooms of a run in their order; what each does is decided there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use wasmtime::{Engine, ExternType, InstancePre, Linker};

use crate::cache::Cache;
use crate::engine::{self, Backend};
use crate::error::{Error, HostFailure};
use crate::execution::Execution;
use crate::gate::{self, Refusal};
use crate::input::Inputs;
use crate::instrument;
use crate::job::Job;
use crate::limits::Limits;
use crate::link::Link;
use crate::profile::Profile;
use crate::receipt::Receipt;
use crate::sandbox::{self, State};
use crate::staging::Staging;
use crate::vfs::Scratch;
use crate::vfs::fault::{Fault, Stop};
use crate::wasi::{World, p1};
use crate::watchdog::Watchdog;

/// How a runtime works on this machine. Nothing of it can be seen in a result.
#[derive(Clone, Debug)]
pub struct Options {
    /// Directory for compiled modules, made if it is missing. Default `None`: modules are compiled each time.
    pub cache_dir: Option<PathBuf>,
    /// How modules are executed. Default [`Backend::Optimized`].
    pub backend: Backend,
    /// The largest module that is looked at, in bytes. Default: that of [`Limits`].
    pub module_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_dir: None, backend: Backend::default(), module_bytes: Limits::default().module_bytes }
    }
}

/// Compiles modules and runs jobs. Cheap to clone, to be shared by any number of threads.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    engine: Engine,
    linker: Linker<State>,
    cache: Option<Cache>,
    watchdog: Watchdog,
    options: Options,
}

/// A module that was accepted and compiled. Cheap to clone; any number of runs share it.
#[derive(Clone)]
pub struct Module(Arc<Compiled>);

struct Compiled {
    cid: Link,
    bytes: u64,
    from_cache: bool,
    pre: InstancePre<State>,
}

impl Runtime {
    /// A runtime that works as `options` say.
    ///
    /// # Errors
    /// When the engine does not support this machine. A cache directory that can't be used is no error: nothing is
    /// cached then.
    pub fn new(options: &Options) -> Result<Self, HostFailure> {
        let engine = engine::engine(options.backend)?;
        let mut linker = Linker::new(&engine);
        p1::link(&mut linker).map_err(|error| engine_failed(&error))?;
        let cache = options.cache_dir.as_deref().and_then(Cache::open);
        Ok(Self(Arc::new(Inner { engine, linker, cache, watchdog: Watchdog::default(), options: options.clone() })))
    }

    /// Accepts and compiles a module, binary or text, or takes it from the cache.
    ///
    /// # Errors
    /// [`Error::Refused`] says what of the module can't be run and what to do about it.
    pub fn load(&self, bytes: &[u8]) -> Result<Module, Error> {
        let Inner { engine, linker, cache, options, .. } = &*self.0;
        let binary = gate::to_binary(bytes, options.module_bytes)?;
        let digest: [u8; 32] = Sha256::digest(&binary).into();
        let name = self.cache_name(digest);
        let known = cache.as_ref().and_then(|cache| cached(engine, cache, &name));
        let from_cache = known.is_some();
        let module = match known {
            Some(module) => module,
            None => self.compile(&binary, &name)?,
        };
        let pre = linker.instantiate_pre(&module).map_err(|error| engine_failed(&error))?;
        let cid = Link::of_raw_digest(digest);
        Ok(Module(Arc::new(Compiled { cid, bytes: binary.len() as u64, from_cache, pre })))
    }

    /// Runs `job` and puts its results into a new directory at `results`, whose parent exists:
    /// [`Runtime::execute`] and [`Execution::keep`] in one.
    ///
    /// # Errors
    /// [`Error::Refused`] for a job that no machine could run, [`Error::Host`] when this one could not, which includes
    /// a run that takes longer than `timeout`. There is no directory at `results` then.
    pub fn run(
        &self,
        module: &Module,
        job: &Job,
        inputs: &Inputs,
        results: &Path,
        timeout: Duration,
    ) -> Result<Receipt, Error> {
        let workplace = results.parent().unwrap_or(Path::new("."));
        self.execute(module, job, inputs, workplace, timeout)?.keep(results)
    }

    /// Runs `job`. Files that are too large for memory go to a directory in `workplace`, which is made when it is needed
    /// and removed with the [`Execution`].
    ///
    /// The inputs are opened, not copied; their hashes are taken while the program runs.
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
        check(module, job, inputs)?;
        let staging = Arc::new(Staging::new(workplace));
        let world = World::new(job, inputs, Scratch::new(staging.clone())).map_err(|fault| unworldly(&fault))??;
        let (ended, identities) = thread::scope(|scope| {
            let identities = (!inputs.is_empty()).then(|| scope.spawn(|| identities(inputs)));
            let ended = sandbox::run(&module.0.pre, job, world, &self.0.watchdog, timeout);
            (ended, identities.map(thread::ScopedJoinHandle::join))
        });
        let ended = ended?;
        let job = match identities {
            None => job.clone(),
            Some(Ok(found)) => with_identities(job, found?)?,
            Some(Err(_)) => return Err(HostFailure::new("hashing the inputs panicked").into()),
        };
        Ok(Execution { job, ended, staging, backend: self.0.options.backend })
    }

    fn compile(&self, binary: &[u8], name: &str) -> Result<wasmtime::Module, Error> {
        gate::inspect(binary, self.0.options.module_bytes)?;
        let instrumented = instrument::instrument_stoppable(binary)?;
        let module =
            wasmtime::Module::from_binary(&self.0.engine, &instrumented).map_err(|error| engine_failed(&error))?;
        if let (Some(cache), Ok(code)) = (&self.0.cache, module.serialize()) {
            cache.put(name, &code);
        }
        Ok(module)
    }

    /// What the compiled form of a module depends on.
    fn cache_name(&self, module: [u8; 32]) -> String {
        let mut key = KeyHasher(Sha256::new_with_prefix(module));
        key.0.update(Profile::V1.id().cid().to_bytes());
        key.0.update(env!("CARGO_PKG_VERSION"));
        std::hash::Hash::hash(&self.0.engine.precompile_compatibility_hash(), &mut key);
        Link::of_raw_digest(key.0.finalize().into()).to_string()
    }
}

impl Module {
    /// CID of the binary, as one raw block: what [`Job::module`] names.
    pub fn cid(&self) -> Link {
        self.0.cid
    }

    /// Whether it was found in the cache, and not compiled.
    pub fn is_from_cache(&self) -> bool {
        self.0.from_cache
    }

    /// Names of the exported functions that can be an entry point: those without parameters and results.
    pub fn entry_points(&self) -> Vec<String> {
        let module = self.0.pre.module();
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

/// Feeds what the engine hashes into SHA-256, so that equal settings have equal names in every process.
struct KeyHasher(Sha256);

impl std::hash::Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Never asked for: the whole digest is read instead.
    fn finish(&self) -> u64 {
        0
    }
}

/// Refuses a job that no machine could run, or that is not about this module and these inputs.
fn check(module: &Module, job: &Job, inputs: &Inputs) -> Result<(), Refusal> {
    job.check()?;
    let compiled = &module.0;
    if job.module != compiled.cid {
        return Err(Refusal::job(format!(
            "the job is for module {}, but the one given is {}",
            job.module, compiled.cid
        )));
    }
    if compiled.bytes > job.limits.module_bytes {
        let most = job.limits.module_bytes;
        return Err(Refusal::job(format!("the module has {} bytes; the job allows {most}", compiled.bytes)));
    }
    if !job.inputs.keys().eq(inputs.keys()) {
        let wanted: Vec<_> = job.inputs.keys().collect();
        let given: Vec<_> = inputs.keys().collect();
        return Err(Refusal::job(format!("the job has inputs at {wanted:?}, but those given are at {given:?}")));
    }
    let export = compiled.pre.module().get_export(&job.entry_point);
    if export.as_ref().is_some_and(is_callable) && !job.entry_point.starts_with(gate::RESERVED_PREFIX) {
        return Ok(());
    }
    Err(gate::refuse_entry(&module.entry_points(), &job.entry_point, export.is_some()))
}

/// A compiled module from the cache, unless the engine finds that it does not fit.
fn cached(engine: &Engine, cache: &Cache, name: &str) -> Option<wasmtime::Module> {
    let file = cache.get(name)?.into_std();
    #[expect(
        unsafe_code,
        reason = "the tag proves that this user's process wrote these bytes, as `serialize` made them"
    )]
    // SAFETY: `Cache::get` answers only files that carry a tag under a key that no other user can read.
    unsafe {
        wasmtime::Module::deserialize_open_file(engine, file).ok()
    }
}

/// The identity of every input, all at once.
fn identities(inputs: &Inputs) -> Result<Vec<String>, HostFailure> {
    let inputs: Vec<_> = inputs.iter().collect();
    inputs
        .par_iter()
        .map(|(place, tree)| {
            tree.identity().map_err(|error| HostFailure::io(format!("hash the input at {place}"), error))
        })
        .collect()
}

/// The job with what its inputs were. They must be what it says, where it says so.
fn with_identities(job: &Job, found: Vec<String>) -> Result<Job, Refusal> {
    let mut job = job.clone();
    for ((place, wanted), found) in job.inputs.iter_mut().zip(found) {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != found) {
            return Err(Refusal::job(format!("the input at {place} is {found}, but the job is over {wanted}")));
        }
        *wanted = Some(found);
    }
    Ok(job)
}

/// Before the guest's first instruction only the host can fail.
fn unworldly(fault: &Fault) -> HostFailure {
    match fault {
        Fault::Stop(Stop::Host(failure)) => HostFailure::new(failure.to_string()),
        fault => HostFailure::new(format!("the guest's file tree cannot be set up: {fault:?}")),
    }
}

fn engine_failed(error: &wasmtime::Error) -> HostFailure {
    HostFailure::new(format!("the WebAssembly engine does not take the module: {error:#}"))
}
