//! Shared execution context of a process: the runtime, data sources, and open modules and inputs. Nodes of one process
//! that run the same job compile its module and open its inputs once.

use std::io;
use std::sync::{Arc, OnceLock};

use bacalhau_runtime::{Error, Module, Runtime, to_binary};
use bacalhau_tree::{Deadline, HostFailure, InputError, Kind, Link};

use super::compile::{Compilers, Price};
use super::module_source::{ModuleSource, unreadable};
use super::policy::source_of;
use super::single_flight_cache::SingleFlightCache;
use bacalhau_job::{InputSpec, JobId, WasmSpec};
use bacalhau_storage::{OpenInputs, Source, Sources, Storage, read_file};

/// Compiled modules kept while unused: the next job often has the same program.
const RECENT_MODULES: usize = 4;
/// Maximum inputs of shards kept until an execution of them is discarded.
const RECENT_INPUTS: usize = 16;
/// Maximum module text that is assembled when child processes compile: text is assembled in this process, with time and
/// memory proportional to its length.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// The shared execution context.
#[derive(Debug)]
pub struct ExecutionContext {
    pub(super) runtime: Runtime,
    sources: Arc<Sources>,
    compilers: Option<Arc<Compilers>>,
    modules: SingleFlightCache<Link, Module>,
    inputs: SingleFlightCache<(JobId, u32), OpenInputs>,
    /// The module that a component was lowered to, and the component.
    lowered: OnceLock<(Link, Link)>,
}

impl ExecutionContext {
    /// A context without open modules or inputs.
    pub fn new(runtime: Runtime, sources: Arc<Sources>) -> Self {
        let (modules, inputs) = (SingleFlightCache::new(RECENT_MODULES), SingleFlightCache::new(RECENT_INPUTS));
        Self { runtime, sources, compilers: None, modules, inputs, lowered: OnceLock::new() }
    }

    /// Compiles modules with `compilers`, which share the runtime's cache, instead of in this process.
    #[must_use]
    pub fn with_compilers(self, compilers: Arc<Compilers>) -> Self {
        Self { compilers: Some(compilers), ..self }
    }

    /// The source of the module of `wasm`, for [`module`](Self::module).
    ///
    /// # Errors
    /// When it takes longer than the deadline.
    pub(super) fn module_source(&self, wasm: &WasmSpec, deadline: &Deadline) -> Result<Arc<ModuleSource>, HostFailure> {
        let (sources, text) = (Arc::clone(&self.sources), wasm.module.clone());
        let parse = move |_: &Deadline| ModuleSource::parse(&sources, text);
        Ok(Arc::new(deadline.begin("open the module", parse)?.wait()?))
    }

    /// The validated and compiled module at `source` of a job of that `price`. Returns when its compilation has ended, also after
    /// `deadline`.
    ///
    /// # Errors
    /// When it cannot be read or compiled in time, has another CID than the job says, or is invalid.
    pub(super) fn module(
        &self,
        wasm: &WasmSpec,
        source: &Arc<ModuleSource>,
        price: &Price,
        deadline: &Deadline,
    ) -> Result<Arc<Module>, Error> {
        // A module cached for another job must not bypass the list of allowed paths.
        if !self.sources.is_open() {
            self.sources.judge(source.get()?)?;
        }
        self.modules.get_or(&wasm.job.module, deadline, || {
            let Some(compilers) = &self.compilers else {
                // Reading may block indefinitely, so it has its own thread.
                let (sources, source, spec) = (Arc::clone(&self.sources), Arc::clone(source), wasm.clone());
                let runtime = self.runtime.clone();
                let load = move |_: &Deadline| {
                    let program = Program::read(&sources, &source, &spec)?;
                    let module = runtime.load(&program.bytes)?;
                    program.check(&spec, module.cid())?;
                    Ok(module)
                };
                return deadline.begin("open the module", load)?.wait()?;
            };
            let binary = self.module_bytes(wasm, source, deadline)?;
            compilers.load(&self.runtime, &binary, price, deadline)
        })
    }

    /// The binary form of the module at `source`, for a worker that compiles it.
    ///
    /// # Errors
    /// When it cannot be read in time, has another CID than the job says, or is not a module.
    pub(super) fn module_bytes(
        &self,
        wasm: &WasmSpec,
        source: &Arc<ModuleSource>,
        deadline: &Deadline,
    ) -> Result<Vec<u8>, Error> {
        let (sources, source, spec) = (Arc::clone(&self.sources), Arc::clone(source), wasm.clone());
        let read = move |_: &Deadline| {
            let program = Program::read(&sources, &source, &spec)?;
            let binary = program.binary(spec.job.limits.module_bytes)?;
            program.check(&spec, Link::of_raw(&binary))?;
            Ok::<_, Error>(binary)
        };
        deadline.begin("open the module", read)?.wait()?
    }

    /// The sources of data.
    pub(super) fn sources(&self) -> &Arc<Sources> {
        &self.sources
    }

    /// The open inputs `specs` of a shard; all `verified` if the job demands it.
    ///
    /// # Errors
    /// When one cannot be read or fetched in time.
    pub(super) fn inputs(
        &self,
        job: JobId,
        shard: u32,
        specs: &[InputSpec],
        verified: bool,
        deadline: &Deadline,
    ) -> Result<Arc<OpenInputs>, HostFailure> {
        self.inputs.get_or(&(job, shard), deadline, || {
            let mut inputs = OpenInputs::default();
            for spec in specs {
                deadline.check()?;
                let source = source_of(&self.sources, verified, spec).map_err(|error| unreadable(&error))?;
                inputs.insert(spec.target.clone(), &source, self.sources.open(&source)?);
            }
            Ok(inputs)
        })
    }

    /// Adds a compiled module, with the CID of the component that it was lowered from.
    pub fn preload_module(&self, module: &Module, component: Option<Link>) {
        if let Some(component) = component {
            // One command has one program.
            let _ = self.lowered.set((module.cid(), component));
        }
        self.modules.put(&module.cid(), Arc::new(module.clone()));
    }

    /// The component that a module was lowered from, if this process did it.
    pub(super) fn component_of(&self, module: &Link) -> Option<Link> {
        self.lowered.get().filter(|(lowered, _)| lowered == module).map(|(_, component)| *component)
    }

    /// Adds open inputs of a shard.
    pub fn preload_inputs(&self, job: JobId, shard: u32, inputs: OpenInputs) {
        self.inputs.put(&(job, shard), Arc::new(inputs));
    }

    /// Makes the next execution open the inputs of a shard again, after a failure with the current ones.
    pub(super) fn renew(&self, job: JobId, shard: u32) {
        self.inputs.renew(&(job, shard));
    }

    /// Closes the inputs of a shard when no execution reads them.
    pub(super) fn release(&self, job: JobId, shard: u32) {
        self.inputs.forget(&(job, shard));
    }
}

/// The bytes of a module and their source.
struct Program<'s> {
    source: &'s Source,
    bytes: Vec<u8>,
}

impl<'s> Program<'s> {
    fn read(sources: &Sources, source: &'s ModuleSource, wasm: &WasmSpec) -> Result<Self, Error> {
        let source = source.get()?;
        let tree = sources.open(source)?.tree;
        let name = source.recorded();
        let failed = |error| HostFailure::io(format!("read the module {name}"), error);
        let stat = tree.stat("").map_err(failed)?;
        if stat.kind != Kind::File {
            return Err(wrong(source, format!("the module {name} is not a file")).into());
        }
        let bytes = read_file(&*tree, wasm.job.limits.module_bytes).map_err(failed)?;
        Ok(Self { source, bytes })
    }

    /// Its binary form.
    fn binary(&self, max_bytes: u64) -> Result<Vec<u8>, Error> {
        let binary = self.bytes.starts_with(b"\0asm");
        if !binary && self.bytes.len() > MAX_TEXT_BYTES {
            return Err(HostFailure::new(format!(
                "the module has {} bytes of text, and this node assembles at most {MAX_TEXT_BYTES}: submit it as a \
                 binary",
                self.bytes.len()
            ))
            .into());
        }
        Ok(to_binary(&self.bytes, max_bytes)?.into_owned())
    }

    /// Rejects another module than the job's.
    fn check(&self, wasm: &WasmSpec, found: Link) -> Result<(), HostFailure> {
        if found == wasm.job.module {
            return Ok(());
        }
        let (name, wanted) = (self.source.recorded(), wasm.job.module);
        Err(wrong(self.source, format!("the module {name} is {found}, but the job needs {wanted}")))
    }
}

/// The failure for a wrong module. Content-addressed data is the same everywhere; a path or URL may differ on another
/// node.
fn wrong(source: &Source, why: String) -> HostFailure {
    match source {
        Source::Cid(_) | Source::Inline(_) | Source::Url { sha256: Some(_), .. } => {
            HostFailure::of(io::Error::other(InputError::Unusable(why)))
        }
        Source::Path(_) | Source::Object(_) | Source::Url { sha256: None, .. } => HostFailure::new(why),
    }
}
