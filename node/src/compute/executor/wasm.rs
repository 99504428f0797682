//! Programs for the sandbox of `bacalhau-runtime`.

use std::sync::Arc;

use bacalhau_runtime::{CallTrail, Deadline, Error, HostFailure, Profile, Receipt};

use super::super::assess::charged_by;
use super::super::compile::Price;
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
        let Run { execution, job, dir, deadline } = run;
        let spec = &job.request.request.spec;
        let (Engine::Wasm(wasm), Some(task)) = (&spec.engine, job.task(execution.shard)) else {
            return Err(HostFailure::new(format!("{execution} is none for the sandbox")).into());
        };
        let (id, shard, specs) = (job.id, execution.shard, run.input_specs());
        let (bench, verified) = (Arc::clone(&self.bench), spec.verified_inputs);
        let module = bench.module(wasm, &Price::of(spec, charged_by(spec)), deadline)?;
        let open = move |deadline: &Deadline| bench.inputs(id, shard, &specs, verified, deadline);
        let inputs = deadline.begin("open the inputs", open)?.wait()??;
        let ended = self.bench.runtime.execute_under(deadline, &module, &task, &inputs.trees, dir);
        // What was changed stays so for whoever tries again.
        let ended = ended.inspect_err(|_| self.bench.renew(id, shard))?;
        let calls = ended.calls().clone();
        let mut receipt = ended.keep(&dir.join("results"))?;
        receipt.unclaimed.module_source = Some(self.bench.recorded(&wasm.module));
        inputs.record(&mut receipt.unclaimed);
        Ok((receipt, calls))
    }
}
