//! Prepares an execution for a worker: the module, copies of inputs that the worker cannot open itself, and the job file.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use bacalhau_cas::unixfs::Unpack;
use bacalhau_cluster::Place;
use bacalhau_job::{AnnouncedJob, Engine, InputSpec};
use bacalhau_runtime::Error;
use bacalhau_storage::{Sources, Storage as _};
use bacalhau_tree::{Deadline, HostFailure};

use super::super::execution_context::ExecutionContext;
use super::super::executor::Run;
use super::super::module_source::unreadable;
use super::super::policy::source_of;
use super::DispatchConfig;
use super::order::{InputCopy, Order, VERSION};

/// Writes everything into `place`, the job file last.
///
/// # Errors
/// When an input or the module cannot be read, the disk is full, or the deadline passes.
pub(super) fn prepare(
    context: &Arc<ExecutionContext>,
    config: &DispatchConfig,
    run: &Run<'_>,
    place: &Place,
) -> Result<Order, Error> {
    let Run { execution, job, deadline, .. } = run;
    let Engine::Wasm(wasm) = &job.spec().engine else {
        return Err(HostFailure::new(format!("execution {execution} is not a WebAssembly job")).into());
    };
    let source = context.module_source(wasm, deadline)?;
    let module = context.module_bytes(wasm, &source, deadline)?;
    let path = place.module();
    fs::write(&path, module).map_err(|error| HostFailure::at("write", &path, error))?;
    let copying = {
        let (sources, direct) = (Arc::clone(context.sources()), Arc::clone(&config.direct));
        let (specs, verified, place) = (run.input_specs(), job.spec().verified_inputs, place.clone());
        deadline.begin("copy the inputs for a worker", move |deadline| {
            copy_inputs(&sources, &direct, &specs, verified, &place, deadline)
        })?
    };
    let order = Order {
        version: VERSION,
        execution: *execution,
        job: with_own_shard(job, execution.shard, &path.to_string_lossy()),
        copies: copying.wait()??,
        module_source: source.recorded(),
        disk_bytes: deadline.control().map_or(u64::MAX, bacalhau_tree::Control::disk_bytes),
        settings: config.settings.clone(),
    };
    order.write(place)?;
    Ok(order)
}

/// Copies the inputs that are not at the same path on workers.
fn copy_inputs(
    sources: &Sources,
    direct: &Sources,
    specs: &[InputSpec],
    verified: bool,
    place: &Place,
    deadline: &Deadline,
) -> Result<BTreeMap<String, InputCopy>, Error> {
    let dir = place.inputs();
    fs::create_dir(&dir).map_err(|error| HostFailure::at("make the directory", &dir, error))?;
    let mut copies = BTreeMap::new();
    for (number, spec) in specs.iter().enumerate() {
        deadline.check()?;
        let source = source_of(sources, verified, spec).map_err(|error| unreadable(&error))?;
        // An error there concerns sources that workers would not have either.
        if direct.has_locally(&source).unwrap_or(false) {
            continue;
        }
        let opened = sources.open(&source)?;
        let name = number.to_string();
        let written = Unpack::default().write(&*opened.tree, &dir.join(&name), &mut |_| ());
        written.map_err(|error| HostFailure::of(error.into()))?;
        opened.tree.check_unchanged(deadline).map_err(HostFailure::of)?;
        let copy = InputCopy { name, source: source.recorded(), services: opened.services.list() };
        copies.insert(spec.target.clone(), copy);
    }
    Ok(copies)
}

/// The job as a worker needs it: without inputs of other shards, which may be many, and with the module at `module`.
fn with_own_shard(job: &AnnouncedJob, shard: u32, module: &str) -> AnnouncedJob {
    let mut job = job.clone();
    for (number, inputs) in (0..).zip(&mut job.shards) {
        if number != shard {
            inputs.clear();
        }
    }
    let spec = &mut job.request.request.spec;
    spec.inputs.clear();
    if let Engine::Wasm(wasm) = &mut spec.engine {
        module.clone_into(&mut wasm.module);
    }
    job
}
