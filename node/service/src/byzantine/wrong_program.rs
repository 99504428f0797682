//! A node that runs another program than the job's, and reports its result.

use crate::provider_fault::ProviderFault;
use bacalhau_job::{AnnouncedJob, Engine};

/// Runs the wrong program.
#[derive(Debug)]
pub(super) struct WrongProgram;

impl ProviderFault for WrongProgram {
    fn job(&self, job: &AnnouncedJob) -> AnnouncedJob {
        let mut job = job.clone();
        match &mut job.request.request.spec.engine {
            Engine::Wasm(wasm) => wasm.job.args.push("meddled".into()),
            Engine::Docker(docker) => docker.args.push("meddled".into()),
        }
        job
    }
}
