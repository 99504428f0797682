//! Executions on the workers of a cluster. The front node prepares what a worker needs in a shared directory
//! (`prepare`), waits for the report, checks the results against it and moves them here (`receive`); the runner signs the
//! receipt. `worker` is the other side.

mod order;
mod prepare;
mod receive;
mod report;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use bacalhau_cluster::{Dispatcher, Place, Submission};
use bacalhau_files::temporary::scrub;
use bacalhau_job::{Engine, ExecutionId};
use bacalhau_receipt::{CallTrail, Profile, Receipt};
use bacalhau_runtime::Error;
use bacalhau_storage::Sources;
use bacalhau_tree::{Control, HostFailure};

use super::EngineError;
use super::assess::charged_by;
use super::execution_context::ExecutionContext;
use super::executor::{Executor, Run};
use order::Order;

pub use order::WorkerSettings;
pub use worker::execute;

/// What the front node needs to dispatch executions.
#[derive(Clone, Debug)]
pub struct DispatchConfig {
    /// The executions in the cluster.
    pub dispatcher: Dispatcher,
    /// Sources that workers open themselves, because they have them at the same paths. Inputs of all others are copied
    /// into the shared directory.
    pub direct: Arc<Sources>,
    /// What workers need to know.
    pub settings: WorkerSettings,
    /// Memory of a worker beside the memory of its program, in bytes.
    pub overhead_bytes: u64,
}

/// The executor of WebAssembly programs on workers.
#[derive(Debug)]
pub(super) struct Dispatched {
    context: Arc<ExecutionContext>,
    config: DispatchConfig,
}

impl Dispatched {
    pub(super) fn new(context: Arc<ExecutionContext>, config: DispatchConfig) -> Self {
        Self { context, config }
    }

    /// The order of an execution: the stored one, or a new one. Also whether it was stored, so that a worker may have it.
    fn order(&self, run: &Run<'_>, place: &Place) -> Result<(Order, bool), Error> {
        if let Ok(order) = Order::read(place)
            && order.is_for(run.execution, run.job)
        {
            return Ok((order, true));
        }
        let failed = |error| HostFailure::at("write into the shared directory", place.path(), error);
        scrub(place.path()).map_err(failed)?;
        place.create().map_err(failed)?;
        prepare::prepare(&self.context, &self.config, run, place).map(|order| (order, false))
    }

    fn submission(&self, run: &Run<'_>, place: &Place) -> Submission {
        let spec = run.job.spec();
        let charged = charged_by(spec);
        Submission {
            execution: run.execution,
            dir: place.path().to_path_buf(),
            cpu_millis: charged.cpu_millis,
            memory_bytes: charged.memory_bytes.saturating_add(self.config.overhead_bytes),
            disk_bytes: charged.disk_bytes,
            timeout: Duration::from_secs(spec.timeout_seconds),
        }
    }

    fn dispatch(&self, run: &Run<'_>, place: &Place) -> Result<(Receipt, CallTrail), Error> {
        loop {
            let (order, resumed) = self.order(run, place)?;
            let mut live = receive::Live::new(place, run.deadline.control().cloned().unwrap_or_else(Control::default));
            let dispatcher = &self.config.dispatcher;
            let ran = dispatcher.run(&self.submission(run, place), resumed, run.deadline, || live.read());
            ran.map_err(|failure| receive::with_log(place, failure))?;
            live.read();
            match receive::receive(place, &order, run) {
                // The process that prepared it may have been killed while it moved the results.
                Err(Error::Host(failure)) if resumed && run.deadline.check().is_ok() => {
                    tracing::warn!(execution = %run.execution, "an execution is submitted again: {failure}");
                    scrub(place.path()).map_err(|error| HostFailure::at("remove", place.path(), error))?;
                }
                received => return received,
            }
        }
    }
}

impl Executor for Dispatched {
    fn check(&self, engine: &Engine) -> Result<(), EngineError> {
        let profile = engine.profile();
        if Profile::of(&profile).is_none() {
            return Err(EngineError::NoExecutor(Box::new(profile)));
        }
        Ok(())
    }

    fn check_ready(&self) -> Result<(), EngineError> {
        Ok(self.config.dispatcher.check()?)
    }

    fn execute(&self, run: &Run<'_>) -> Result<(Receipt, CallTrail), Error> {
        let place = self.config.dispatcher.place(run.execution);
        let ended = self.dispatch(run, &place);
        if let Err(error) = scrub(place.path()) {
            tracing::warn!(execution = %run.execution, "{} could not be removed: {error}", place.path().display());
        }
        ended
    }

    fn forget(&self, execution: ExecutionId) {
        self.config.dispatcher.forget(execution);
    }
}

#[cfg(test)]
mod tests;
