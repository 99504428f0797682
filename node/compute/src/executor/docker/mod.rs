//! Containers, run by an engine with Docker's API on a Unix socket. `container_config` configures isolation, `run` runs one
//! container, `engine` is the connection; without the feature `docker` a stub explains how to get it. Determinism is
//! not enforced.

#[cfg(feature = "docker")]
mod container_config;
#[cfg(not(feature = "docker"))]
#[path = "stub.rs"]
mod engine;
#[cfg(feature = "docker")]
mod engine;
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

use bacalhau_receipt::{CallTrail, Job, Receipt};
use bacalhau_runtime::Error;
use bacalhau_tree::{Deadline, HostFailure};

use super::super::execution_context::ExecutionContext;
use super::{EngineError, Executor, Run};
use bacalhau_job::{DockerSpec, Engine, Resources};
use bacalhau_storage::OpenInputs;

pub use engine::Docker;

/// A container to run.
#[derive(Debug)]
pub struct Container<'a> {
    /// Name for labels of the container.
    pub name: &'a str,
    /// The program.
    pub spec: &'a DockerSpec,
    /// The job with the paths of its inputs.
    pub job: &'a Job,
    /// Resource limits.
    pub resources: &'a Resources,
    /// Open inputs.
    pub inputs: &'a OpenInputs,
    /// Existing directory for everything that it writes. Results go to `results` in it.
    pub dir: &'a Path,
    /// Deadline, which also cancels the run and receives its log.
    pub deadline: &'a Deadline,
}

/// The executor of containers.
#[derive(Debug)]
pub(super) struct Containers {
    docker: Arc<Docker>,
    context: Arc<ExecutionContext>,
}

impl Containers {
    pub(super) fn new(docker: Arc<Docker>, context: Arc<ExecutionContext>) -> Self {
        Self { docker, context }
    }
}

impl Executor for Containers {
    fn check(&self, engine: &Engine) -> Result<(), EngineError> {
        match engine {
            Engine::Docker(spec) => self.docker.check(spec),
            Engine::Wasm(_) => Err(EngineError::OtherEngine),
        }
    }

    fn execute(&self, run: &Run<'_>) -> Result<(Receipt, CallTrail), Error> {
        let Run { execution, job, dir, deadline } = run;
        let spec = job.spec();
        let (Engine::Docker(docker), Some(task)) = (&spec.engine, job.task(execution.shard)) else {
            return Err(HostFailure::new(format!("execution {execution} is not a container job")).into());
        };
        let (id, shard, specs) = (job.id, execution.shard, run.input_specs());
        let (context, verified) = (Arc::clone(&self.context), spec.verified_inputs);
        let opening =
            deadline.begin("open the inputs", move |deadline| context.inputs(id, shard, &specs, verified, deadline))?;
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
        // A changed input stays changed for a retry.
        let receipt = receipt.inspect_err(|_| self.context.renew(id, shard))?;
        Ok((receipt, CallTrail::default()))
    }
}
