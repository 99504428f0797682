//! Containers, by an engine that speaks Docker's API on a Unix socket. What a container is given and how it is held stands in
//! `hold`, one run in `run`, the engine itself in `engine`; without the feature `docker` there is none, and it is said how
//! to get it. Whether a container is deterministic is its user's business: nothing here makes it so.

#[cfg(not(feature = "docker"))]
#[path = "absent.rs"]
mod engine;
#[cfg(feature = "docker")]
mod engine;
#[cfg(feature = "docker")]
mod hold;
#[cfg(feature = "docker")]
mod inputs;
#[cfg(feature = "docker")]
mod outputs;
#[cfg(feature = "docker")]
mod owner;
#[cfg(feature = "docker")]
mod run;
#[cfg(feature = "docker")]
mod streams;

use std::path::Path;
use std::sync::Arc;

use bacalhau_runtime::{CallTrail, Deadline, Error, HostFailure, Job, Receipt};

use super::super::workbench::Workbench;
use super::{Executor, Run};
use crate::job::{DockerSpec, Engine, Resources};
use crate::storage::OpenInputs;

pub use engine::Docker;

/// One container, before it is made.
#[derive(Debug)]
pub struct Container<'a> {
    /// What it is for, for whoever lists the engine's containers.
    pub name: &'a str,
    /// The program.
    pub spec: &'a DockerSpec,
    /// The same as a job, with the places of its inputs.
    pub job: &'a Job,
    /// What it may take of the machine.
    pub resources: &'a Resources,
    /// Its inputs.
    pub inputs: &'a OpenInputs,
    /// An existing directory for everything that it writes. Results go to `results` in it.
    pub dir: &'a Path,
    /// When all of it has to be over, and what cancels it before and reads its log.
    pub deadline: &'a Deadline,
}

/// The executor of containers.
#[derive(Debug)]
pub(super) struct Containers {
    docker: Arc<Docker>,
    bench: Arc<Workbench>,
}

impl Containers {
    pub(super) fn new(docker: Arc<Docker>, bench: Arc<Workbench>) -> Self {
        Self { docker, bench }
    }
}

impl Executor for Containers {
    fn check(&self, engine: &Engine) -> Result<(), String> {
        match engine {
            Engine::Docker(spec) => self.docker.check(spec),
            Engine::Wasm(_) => Err("it is for the sandbox".into()),
        }
    }

    fn execute(&self, run: &Run<'_>) -> Result<(Receipt, CallTrail), Error> {
        let Run { execution, job, dir, deadline } = run;
        let spec = &job.request.request.spec;
        let (Engine::Docker(docker), Some(task)) = (&spec.engine, job.task(execution.shard)) else {
            return Err(HostFailure::new(format!("{execution} is none for an engine of containers")).into());
        };
        let (id, shard, specs) = (job.id, execution.shard, run.input_specs());
        let (bench, verified) = (Arc::clone(&self.bench), spec.verified_inputs);
        let opening =
            deadline.begin("open the inputs", move |deadline| bench.inputs(id, shard, &specs, verified, deadline))?;
        let inputs = opening.wait()??;
        let receipt = self.docker.run(&Container {
            name: &execution.to_string(),
            spec: docker,
            job: &task,
            resources: &spec.resources,
            inputs: &inputs,
            dir,
            deadline,
        });
        // What was changed stays so for whoever tries again.
        let receipt = receipt.inspect_err(|_| self.bench.renew(id, shard))?;
        Ok((receipt, CallTrail::default()))
    }
}
