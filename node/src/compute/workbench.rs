//! What executions of one process share: the runtime, where data comes from, and the modules and inputs that are open.
//! Nodes of one process that run the same job compile its module and open its inputs once.

use std::io;
use std::sync::Arc;

use bacalhau_runtime::{Deadline, Error, HostFailure, InputError, Kind, Link, Module, Runtime, to_binary};

use super::compile::{Compilers, Price};
use super::once::Once;
use super::policy::source_of;
use crate::job::{InputSpec, JobId, WasmSpec};
use crate::storage::{OpenInputs, Source, SourceError, Sources, Storage, read_file};

/// Compiled modules that are kept while no execution has them: the next job is often the same program.
const RECENT_MODULES: usize = 4;
/// Inputs of shards that are kept until an execution of them is discarded.
const RECENT_INPUTS: usize = 16;
/// The largest text of a module that is assembled, where modules are compiled by processes of their own: text is assembled in
/// this one, in time and memory in proportion to its length.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// See the module.
#[derive(Debug)]
pub struct Workbench {
    pub(super) runtime: Runtime,
    sources: Arc<Sources>,
    compilers: Option<Arc<Compilers>>,
    modules: Once<Link, Module>,
    inputs: Once<(JobId, u32), OpenInputs>,
}

impl Workbench {
    /// A workbench with nothing open.
    pub fn new(runtime: Runtime, sources: Arc<Sources>) -> Self {
        let (modules, inputs) = (Once::new(RECENT_MODULES), Once::new(RECENT_INPUTS));
        Self { runtime, sources, compilers: None, modules, inputs }
    }

    /// Has modules compiled by `compilers`, whose cache is that of the runtime, and not in this process.
    #[must_use]
    pub fn with_compilers(self, compilers: Arc<Compilers>) -> Self {
        Self { compilers: Some(compilers), ..self }
    }

    /// The module of a job of that `price`, checked and compiled. It returns when nothing that was begun for it compiles any more,
    /// also where `deadline` has passed.
    ///
    /// # Errors
    /// When it cannot be read or compiled in time, is another one than the job says, or is none that may be run.
    pub(super) fn module(&self, wasm: &WasmSpec, price: &Price, deadline: &Deadline) -> Result<Arc<Module>, Error> {
        // A module that another job has brought is no way around the list of paths.
        if !self.sources.is_open() {
            self.sources.judge(&self.sources.parse(&wasm.module).map_err(|error| unreadable(&error))?)?;
        }
        self.modules.get_or(&wasm.job.module, deadline, || {
            // Reading may block for ever, so it has a thread of its own.
            let (sources, spec) = (Arc::clone(&self.sources), wasm.clone());
            let Some(compilers) = &self.compilers else {
                let runtime = self.runtime.clone();
                let load = move |_: &Deadline| {
                    let program = Program::read(&sources, &spec)?;
                    let module = runtime.load(&program.bytes)?;
                    program.check(&spec, module.cid())?;
                    Ok(module)
                };
                return deadline.begin("open the module", load)?.wait()?;
            };
            let read = move |_: &Deadline| {
                let program = Program::read(&sources, &spec)?;
                let binary = program.binary(spec.job.limits.module_bytes)?;
                program.check(&spec, Link::of_raw(&binary))?;
                Ok::<_, Error>(binary)
            };
            let binary = deadline.begin("open the module", read)?.wait()??;
            compilers.load(&self.runtime, &binary, price, deadline)
        })
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

/// The bytes of a module, and where they were read.
struct Program {
    source: Source,
    bytes: Vec<u8>,
}

impl Program {
    fn read(sources: &Sources, wasm: &WasmSpec) -> Result<Self, Error> {
        let source = sources.parse(&wasm.module).map_err(|error| unreadable(&error))?;
        let tree = sources.open(&source)?.tree;
        let name = source.recorded();
        let failed = |error| HostFailure::io(format!("read the module {name}"), error);
        let stat = tree.stat("").map_err(failed)?;
        if stat.kind != Kind::File {
            return Err(wrong(&source, format!("the module {name} is no file")).into());
        }
        let bytes = read_file(&*tree, wasm.job.limits.module_bytes).map_err(failed)?;
        Ok(Self { source, bytes })
    }

    /// Its binary form.
    fn binary(&self, max_bytes: u64) -> Result<Vec<u8>, Error> {
        let binary = self.bytes.starts_with(b"\0asm");
        if !binary && self.bytes.len() > MAX_TEXT_BYTES {
            return Err(HostFailure::new(format!(
                "the module has {} bytes of text, and this node assembles {MAX_TEXT_BYTES} at most: submit it as a binary",
                self.bytes.len()
            ))
            .into());
        }
        Ok(to_binary(&self.bytes, max_bytes)?.into_owned())
    }

    /// Refuses it where it is another module than the job is for.
    fn check(&self, wasm: &WasmSpec, found: Link) -> Result<(), HostFailure> {
        if found == wasm.job.module {
            return Ok(());
        }
        let (name, wanted) = (self.source.recorded(), wasm.job.module);
        Err(wrong(&self.source, format!("the module {name} is {found}, and the job is for {wanted}")))
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
