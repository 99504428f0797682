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
use std::time::Duration;

use bacalhau_runtime::{CallTrail, Control, Error, HostFailure, Job, Receipt};

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
    /// How long it may run.
    pub timeout: Duration,
    /// An existing directory for everything that it writes. Results go to `results` in it.
    pub dir: &'a Path,
    /// Whoever takes it back, and whoever looks at its log meanwhile.
    pub control: &'a Control,
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
        let Run { execution, job, dir, control } = run;
        let spec = &job.request.request.spec;
        let (Engine::Docker(docker), Some(task)) = (&spec.engine, job.task(execution.shard)) else {
            return Err(HostFailure::new(format!("{execution} is none for an engine of containers")).into());
        };
        let inputs = self.bench.inputs(job, execution.shard)?;
        let receipt = self.docker.run(&Container {
            name: &execution.to_string(),
            spec: docker,
            job: &task,
            resources: &spec.resources,
            inputs: &inputs,
            timeout: Duration::from_secs(spec.timeout_seconds),
            dir,
            control,
        })?;
        Ok((receipt, CallTrail::default()))
    }
}
