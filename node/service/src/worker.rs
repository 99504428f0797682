//! The data part of a worker of a cluster: what it needs to run an execution that a front node has prepared. It has no
//! network; inputs are on the shared file system.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_files::private;
use bacalhau_http::Reach;
use bacalhau_runtime::{AddressSpace, Options, Runtime};
use bacalhau_tree::HostFailure;

use crate::SPOOL_DIR;
use crate::node::{Node, NodeConfig, PiecePlaces};
use bacalhau_compute::{CompileCommand, Compilers, ExecutionContext, WorkerSettings};
use bacalhau_storage::{Fetch, Fetching, LocalStorage, Sources, Template};

/// Maximum size of the block store of a worker, which caches nothing.
const STORE_BYTES: u64 = 1 << 30;

/// Runs the execution that was prepared in `dir`, as `worker`, with `compiler` for its module.
///
/// # Errors
/// When there is no report: the job file cannot be read, or nothing can be written. Other failures are in the report.
pub fn execute(dir: &Path, worker: &str, compiler: CompileCommand) -> Result<(), HostFailure> {
    bacalhau_compute::execute(dir, worker, |settings, scratch| context(settings, scratch, compiler))
}

/// The sources that a worker with these settings and the directory `dir` opens itself.
///
/// # Errors
/// When a template is invalid, or `dir` cannot be used.
pub(crate) fn sources(settings: &WorkerSettings, dir: &Path) -> Result<Sources, HostFailure> {
    let failed =
        |error: &dyn std::fmt::Display| HostFailure::new(format!("the settings of a worker are invalid: {error}"));
    let template = |text: &String| Template::parse(text).map_err(|error| failed(&error));
    let spool_dir = dir.join(SPOOL_DIR);
    private::create_dir_all(&spool_dir).map_err(|error| HostFailure::at("make the directory", &spool_dir, error))?;
    let config = NodeConfig {
        data_dir: dir.to_path_buf(),
        store_bytes: STORE_BYTES,
        connect: Vec::new(),
        routing: None,
        unsealed: settings.unsealed.as_ref().map(template).transpose()?.map(|template| (template, settings.verify)),
        cid_url: None,
        pieces: PiecePlaces {
            paths: settings.piece_paths.iter().map(template).collect::<Result<_, _>>()?,
            numbers: settings.piece_numbers.clone(),
            urls: Vec::new(),
            verify: settings.verify,
        },
        fetch: Fetch::Lazy,
        patience: Duration::from_secs(30),
        dials: false,
        fetched: Arc::new(|_| ()),
    };
    let fetching = Fetching {
        max_bytes: 0,
        patience: config.patience,
        reach: Reach::PublicOnly,
        spool_dir,
        progress: Arc::new(|_, _| ()),
    };
    let node = Node::start(config)?;
    node.sources(LocalStorage::below(settings.local_paths.clone()), fetching).map_err(|error| failed(&error))
}

fn context(
    settings: &WorkerSettings,
    scratch: &Path,
    compiler: CompileCommand,
) -> Result<ExecutionContext, HostFailure> {
    private::create_dir_all(scratch).map_err(|error| HostFailure::at("make the directory", scratch, error))?;
    let sources = Arc::new(sources(settings, scratch)?);
    let cache_dir = scratch.join("modules");
    let compilers = Compilers::new(compiler, cache_dir.clone());
    let mut options = Options::default()
        .with_cache_dir(cache_dir)
        .with_module_bytes(settings.module_bytes)
        // Compiled modules are made by processes that have other limits.
        .with_address_space(AddressSpace::Large);
    options.host_bytes = settings.host_bytes;
    options.optimizes = false;
    let runtime = Runtime::new(&options)?;
    if let Some(problem) = runtime.cache_problem() {
        return Err(HostFailure::new(format!(
            "no module can be compiled, since compiled modules are not kept: {problem}"
        )));
    }
    Ok(ExecutionContext::new(runtime, sources).with_compilers(Arc::new(compilers)))
}
