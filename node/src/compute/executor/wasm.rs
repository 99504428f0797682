//! Programs for the sandbox of `bacalhau-runtime`.

use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{CallTrail, Error, HostFailure, Profile, Receipt};

use super::super::workbench::Workbench;
use super::{Executor, Run};
use crate::job::Engine;

/// See the module.
#[derive(Debug)]
pub(super) struct Wasm {
    bench: Arc<Workbench>,
}

impl Wasm {
    pub(super) fn new(bench: Arc<Workbench>) -> Self {
        Self { bench }
    }
}

impl Executor for Wasm {
    fn check(&self, engine: &Engine) -> Result<(), String> {
        match engine.profile() {
            profile if profile == Profile::V1.id() => Ok(()),
            other => Err(format!("no executor of this node runs profile {other}")),
        }
    }

    fn execute(&self, run: &Run<'_>) -> Result<(Receipt, CallTrail), Error> {
        let Run { execution, job, dir, control } = run;
        let spec = &job.request.request.spec;
        let (Engine::Wasm(wasm), Some(task)) = (&spec.engine, job.task(execution.shard)) else {
            return Err(HostFailure::new(format!("{execution} is none for the sandbox")).into());
        };
        let module = self.bench.module(wasm)?;
        let inputs = self.bench.inputs(job, execution.shard)?;
        let timeout = Duration::from_secs(spec.timeout_seconds);
        let ended = self.bench.runtime.execute_under(control, &module, &task, &inputs.trees, dir, timeout)?;
        if control.is_cancelled() {
            return Err(HostFailure::new("it was stopped").into());
        }
        let calls = ended.calls().clone();
        let mut receipt = ended.keep(&dir.join("results"))?;
        receipt.unclaimed.module_source = Some(self.bench.recorded(&wasm.module));
        inputs.record(&mut receipt.unclaimed);
        Ok((receipt, calls))
    }
}
