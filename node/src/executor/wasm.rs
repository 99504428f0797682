//! WebAssembly: one loaded module of the runtime, shared by all executions.

use std::path::Path;
use std::time::Duration;

use bacalhau_runtime::{Backend, Error, Inputs, Job, Link, Module, Receipt, Runtime};

use super::Executor;

/// A module, loaded once and run as often as one likes, from any thread.
#[derive(Debug)]
pub struct WasmExecutor {
    runtime: Runtime,
    module: Module,
}

impl WasmExecutor {
    /// Checks and compiles `module`, a binary or a text.
    ///
    /// # Errors
    /// Refuses what is not a module that this version runs.
    pub fn load(runtime: Runtime, module: &[u8]) -> Result<Self, Error> {
        let module = runtime.load(module)?;
        Ok(Self { runtime, module })
    }

    /// The CID by which jobs name the module.
    pub fn module_cid(&self) -> Link {
        self.module.cid()
    }

    /// What an execution that begins now runs on.
    pub fn backend(&self) -> Backend {
        self.module.backend()
    }
}

impl Executor for WasmExecutor {
    fn run(&self, job: &Job, inputs: &Inputs, results: &Path, timeout: Duration) -> Result<Receipt, Error> {
        self.runtime.run(&self.module, job, inputs, results, timeout)
    }
}
