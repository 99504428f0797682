//! What runs a program: the sandbox, or an engine for containers. One trait; everything around a run, its directory, its
//! receipt's signature, its end before its time, is the runner's.

mod docker;
mod wasm;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use bacalhau_runtime::{CallTrail, Deadline, Error, Link, Receipt};

use super::workbench::Workbench;
use crate::job::{AnnouncedJob, Engine, ExecutionId, InputSpec};

use docker::Containers;
use wasm::Wasm;

pub use docker::{Container, Docker};

/// One run, before it begins.
#[derive(Debug)]
pub struct Run<'a> {
    /// Which execution it is.
    pub execution: ExecutionId,
    /// Of which job.
    pub job: &'a AnnouncedJob,
    /// Its own, existing and empty directory. Results go to `results` in it, whole or not at all.
    pub dir: &'a Path,
    /// When all of it has to be over, from opening its inputs to its results, and what cancels it before and reads its log.
    pub deadline: &'a Deadline,
}

impl Run<'_> {
    /// The inputs of its shard.
    fn input_specs(&self) -> Vec<InputSpec> {
        let shard = usize::try_from(self.execution.shard).ok();
        shard.and_then(|shard| self.job.shards.get(shard)).cloned().unwrap_or_default()
    }
}

/// Runs programs of one kind.
pub trait Executor: Send + Sync + Debug {
    /// Whether it runs what `engine` asks for, as this machine is now.
    ///
    /// # Errors
    /// Why it does not, in words for whoever looks for the reason that nobody bids.
    fn check(&self, engine: &Engine) -> Result<(), String>;

    /// Runs it to its end, and keeps its results. The receipt is not signed yet.
    ///
    /// # Errors
    /// Whose failure it is that there are none.
    fn execute(&self, run: &Run<'_>) -> Result<(Receipt, CallTrail), Error>;
}

/// The executors of a node.
#[derive(Clone, Debug)]
pub struct Executors {
    bench: Arc<Workbench>,
    wasm: Arc<dyn Executor>,
    docker: Option<Arc<dyn Executor>>,
}

impl Executors {
    /// The sandbox, on `bench`.
    pub fn new(bench: Arc<Workbench>) -> Self {
        Self { wasm: Arc::new(Wasm::new(Arc::clone(&bench))), docker: None, bench }
    }

    /// And the engine `docker` for containers.
    #[must_use]
    pub fn with_docker(self, docker: Arc<Docker>) -> Self {
        let containers = Containers::new(docker, Arc::clone(&self.bench));
        Self { docker: Some(Arc::new(containers)), ..self }
    }

    /// Who runs `engine`.
    ///
    /// # Errors
    /// When nobody does, and why.
    pub fn of(&self, engine: &Engine) -> Result<&dyn Executor, String> {
        let executor = match engine {
            Engine::Wasm(_) => &*self.wasm,
            Engine::Docker(_) => self.docker.as_deref().ok_or("this node has no engine for containers")?,
        };
        executor.check(engine)?;
        Ok(executor)
    }

    /// The rules under which it can run programs.
    pub fn profiles(&self) -> Vec<Link> {
        let docker = self.docker.as_ref().map(|_| crate::job::docker_profile());
        [bacalhau_runtime::Profile::V1.id()].into_iter().chain(docker).collect()
    }
}
