//! A node that runs another program than it was asked to, and honestly reports what came of it.

use crate::job::{AnnouncedJob, Engine};
use crate::service::hand::Hand;

/// See the module.
#[derive(Debug)]
pub(super) struct Meddler;

impl Hand for Meddler {
    fn job(&self, job: &AnnouncedJob) -> AnnouncedJob {
        let mut job = job.clone();
        match &mut job.request.request.spec.engine {
            Engine::Wasm(wasm) => wasm.job.args.push("meddled".into()),
            Engine::Docker(docker) => docker.args.push("meddled".into()),
        }
        job
    }
}
