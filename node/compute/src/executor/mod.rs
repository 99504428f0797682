//! Executors: the sandbox, and an engine for containers, behind one trait. The runner manages directories, receipt
//! signatures and cancellation.

mod docker;
mod wasm;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use bacalhau_receipt::{CallTrail, Receipt};
use bacalhau_runtime::Error;
use bacalhau_tree::{Deadline, Link};

use super::EngineError;
use super::dispatch::{DispatchConfig, Dispatched};
use super::execution_context::ExecutionContext;
use bacalhau_job::{AnnouncedJob, Engine, ExecutionId, InputSpec};

use docker::Containers;
use wasm::Wasm;

pub use docker::{Container, Docker};

/// A run to execute.
#[derive(Debug)]
pub struct Run<'a> {
    /// Id of the execution.
    pub execution: ExecutionId,
    /// Its job.
    pub job: &'a AnnouncedJob,
    /// An existing empty directory. Results go to `results` in it, completely or not at all.
    pub dir: &'a Path,
    /// Deadline from opening the inputs to the results; it also cancels the run and receives its log.
    pub deadline: &'a Deadline,
}

impl Run<'_> {
    /// The inputs of its shard.
    pub(super) fn input_specs(&self) -> Vec<InputSpec> {
        let shard = usize::try_from(self.execution.shard).ok();
        shard.and_then(|shard| self.job.shards.get(shard)).cloned().unwrap_or_default()
    }
}

/// Runs programs of one kind.
pub trait Executor: Send + Sync + Debug {
    /// Whether it can run `engine` on this machine now.
    ///
    /// # Errors
    /// Why not, for the operator.
    fn check(&self, engine: &Engine) -> Result<(), EngineError>;

    /// Runs the program and stores its results. The receipt is not signed yet.
    ///
    /// # Errors
    /// Why there are none, and whose failure it is.
    fn execute(&self, run: &Run<'_>) -> Result<(Receipt, CallTrail), Error>;

    /// Whether it takes further executions now. Accepted ones run in any case. Default: it does.
    ///
    /// # Errors
    /// Why not, for the operator.
    fn check_ready(&self) -> Result<(), EngineError> {
        Ok(())
    }

    /// An execution is not needed any more. Default: nothing is left of one that does not run.
    fn forget(&self, _execution: ExecutionId) {}
}

/// The executors of a node.
#[derive(Clone, Debug)]
pub struct Executors {
    context: Arc<ExecutionContext>,
    wasm: Arc<dyn Executor>,
    docker: Option<Arc<dyn Executor>>,
}

impl Executors {
    /// Executors with the sandbox on `context`.
    pub fn new(context: Arc<ExecutionContext>) -> Self {
        Self { wasm: Arc::new(Wasm::new(Arc::clone(&context))), docker: None, context }
    }

    /// Executors that dispatch executions to a cluster. `context` opens what workers cannot open.
    pub fn dispatched(context: Arc<ExecutionContext>, config: DispatchConfig) -> Self {
        Self { wasm: Arc::new(Dispatched::new(Arc::clone(&context), config)), docker: None, context }
    }

    /// Adds the container engine `docker`.
    #[must_use]
    pub fn with_docker(self, docker: Arc<Docker>) -> Self {
        let containers = Containers::new(docker, Arc::clone(&self.context));
        Self { docker: Some(Arc::new(containers)), ..self }
    }

    /// The executor for `engine`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(&self, engine: &Engine) -> Result<&dyn Executor, EngineError> {
        let executor = match engine {
            Engine::Wasm(_) => &*self.wasm,
            Engine::Docker(_) => self.docker.as_deref().ok_or(EngineError::NoContainers)?,
        };
        executor.check(engine)?;
        Ok(executor)
    }

    /// Whether programs for `engine` may be accepted now.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check_ready(&self, engine: &Engine) -> Result<(), EngineError> {
        self.of(engine)?.check_ready()
    }

    /// An execution is not needed any more, also one that was not taken up again after a restart.
    pub(super) fn forget(&self, execution: ExecutionId) {
        self.wasm.forget(execution);
    }

    /// The profiles that it can run.
    pub fn profiles(&self) -> Vec<Link> {
        let docker = self.docker.as_ref().map(|_| bacalhau_job::docker_profile());
        bacalhau_receipt::Profile::ALL.iter().map(bacalhau_receipt::Profile::id).chain(docker).collect()
    }
}
