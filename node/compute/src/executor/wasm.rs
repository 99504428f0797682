//! Executes WebAssembly programs with `bacalhau-runtime`.

use std::sync::Arc;

use bacalhau_receipt::{CallTrail, Profile, Receipt};
use bacalhau_runtime::Error;
use bacalhau_tree::{Deadline, HostFailure};

use super::super::assess::charged_by;
use super::super::compile::Price;
use super::super::execution_context::ExecutionContext;
use super::{EngineError, Executor, Run};
use bacalhau_job::Engine;

/// The executor of WebAssembly programs.
#[derive(Debug)]
pub(super) struct Wasm {
    context: Arc<ExecutionContext>,
}

impl Wasm {
    pub(super) fn new(context: Arc<ExecutionContext>) -> Self {
        Self { context }
    }
}

impl Executor for Wasm {
    fn check(&self, engine: &Engine) -> Result<(), EngineError> {
        let profile = engine.profile();
        match Profile::of(&profile) {
            Some(_) => Ok(()),
            None => Err(EngineError::NoExecutor(Box::new(profile))),
        }
    }

    fn execute(&self, run: &Run<'_>) -> Result<(Receipt, CallTrail), Error> {
        let Run { execution, job, dir, deadline } = run;
        let spec = job.spec();
        let (Engine::Wasm(wasm), Some(task)) = (&spec.engine, job.task(execution.shard)) else {
            return Err(HostFailure::new(format!("execution {execution} is not a WebAssembly job")).into());
        };
        let (id, shard, specs) = (job.id, execution.shard, run.input_specs());
        let (context, verified) = (Arc::clone(&self.context), spec.verified_inputs);
        let source = context.module_source(wasm, deadline)?;
        let module = context.module(wasm, &source, &Price::of(spec, charged_by(spec)), deadline)?;
        let open = move |deadline: &Deadline| context.inputs(id, shard, &specs, verified, deadline);
        let inputs = deadline.begin("open the inputs", open)?.wait()??;
        let ended = self.context.runtime.execute_under(deadline, &module, &task, &inputs.trees, dir);
        // A changed input stays changed for a retry.
        let ended = ended.inspect_err(|_| self.context.renew(id, shard))?;
        let calls = ended.calls().clone();
        let mut receipt = ended.keep(&dir.join("results"))?;
        receipt.unclaimed.module_source = Some(source.recorded());
        receipt.unclaimed.component = self.context.component_of(&wasm.job.module).map(|cid| cid.to_string());
        inputs.record(&mut receipt.unclaimed);
        Ok((receipt, calls))
    }
}
