//! What executions of one process share: the runtime, where data comes from, and the modules and inputs that are open.
//! Nodes of one process that run the same job compile its module and open its inputs once.

use std::io;
use std::sync::Arc;

use bacalhau_runtime::{Deadline, Error, HostFailure, InputError, Kind, Link, Module, Runtime};

use super::once::Once;
use super::policy::source_of;
use crate::job::{InputSpec, JobId, WasmSpec};
use crate::storage::{OpenInputs, Source, SourceError, Sources, Storage, read_file};

/// Compiled modules that are kept while no execution has them: the next job is often the same program.
const RECENT_MODULES: usize = 4;
/// Inputs of shards that are kept until an execution of them is discarded.
const RECENT_INPUTS: usize = 16;

/// See the module.
#[derive(Debug)]
pub struct Workbench {
    pub(super) runtime: Runtime,
    sources: Arc<Sources>,
    modules: Once<Link, Module>,
    inputs: Once<(JobId, u32), OpenInputs>,
}

impl Workbench {
    /// A workbench with nothing open.
    pub fn new(runtime: Runtime, sources: Arc<Sources>) -> Self {
        Self { runtime, sources, modules: Once::new(RECENT_MODULES), inputs: Once::new(RECENT_INPUTS) }
    }

    /// The module of a job, checked and compiled.
    ///
    /// # Errors
    /// When it cannot be read in time, is another one than the job says, or is none that may be run.
    pub(super) fn module(&self, wasm: &WasmSpec, deadline: &Deadline) -> Result<Arc<Module>, Error> {
        // A module that another job has brought is no way around the list of paths.
        if !self.sources.is_open() {
            self.sources.judge(&self.sources.parse(&wasm.module).map_err(|error| unreadable(&error))?)?;
        }
        self.modules.get_or(&wasm.job.module, deadline, || self.load(wasm))
    }

    fn load(&self, wasm: &WasmSpec) -> Result<Module, Error> {
        let source = self.sources.parse(&wasm.module).map_err(|error| unreadable(&error))?;
        let tree = self.sources.open(&source)?.tree;
        let name = source.recorded();
        let failed = |error| HostFailure::io(format!("read the module {name}"), error);
        let stat = tree.stat("").map_err(failed)?;
        if stat.kind != Kind::File {
            return Err(wrong(&source, format!("the module {name} is no file")).into());
        }
        let bytes = read_file(&*tree, wasm.job.limits.module_bytes).map_err(failed)?;
        let module = self.runtime.load(&bytes)?;
        if module.cid() == wasm.job.module {
            return Ok(module);
        }
        let found = module.cid();
        Err(wrong(&source, format!("the module {name} is {found}, and the job is for {}", wasm.job.module)).into())
    }

    /// The inputs `specs` of a shard, open, of which all have to be `verified` where the job says so.
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

    /// How a receipt remembers the source `text`: without a password that a URL may hold.
    pub(super) fn recorded(&self, text: &str) -> String {
        self.sources.parse(text).map_or_else(|_| text.into(), |source| source.recorded())
    }

    /// Takes a module that is compiled already.
    pub fn preload_module(&self, module: &Module) {
        self.modules.put(&module.cid(), Arc::new(module.clone()));
    }

    /// Takes the inputs of a shard, which are open already.
    pub fn preload_inputs(&self, job: JobId, shard: u32, inputs: OpenInputs) {
        self.inputs.put(&(job, shard), Arc::new(inputs));
    }

    /// Has the inputs of a shard opened anew by the next execution: one has failed with those that are open.
    pub(super) fn renew(&self, job: JobId, shard: u32) {
        self.inputs.renew(&(job, shard));
    }

    /// Closes the inputs of a shard as soon as no execution reads them.
    pub(super) fn let_go(&self, job: JobId, shard: u32) {
        self.inputs.forget(&(job, shard));
    }
}

/// What a job names and nobody can read is the job's fault; a path where nothing is, this machine's.
fn unreadable(error: &SourceError) -> HostFailure {
    match error {
        SourceError::Missing { .. } => HostFailure::new(error.to_string()),
        error => HostFailure::of(io::Error::other(InputError::Unusable(error.to_string()))),
    }
}

/// `why` it is the wrong module. What is named by its content is the same everywhere; a path or a URL may lead to another one.
fn wrong(source: &Source, why: String) -> HostFailure {
    match source {
        Source::Cid(_) | Source::Inline(_) | Source::Url { sha256: Some(_), .. } => {
            HostFailure::of(io::Error::other(InputError::Unusable(why)))
        }
        Source::Path(_) | Source::Url { sha256: None, .. } => HostFailure::new(why),
    }
}
