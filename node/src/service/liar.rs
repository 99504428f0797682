//! A node that reports wrong results: for `devstack --bad-actors` and for tests, to see that the vote finds it out. Liars
//! tell the same lie, which is the worst that they can do, unless they are given another.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use bacalhau_runtime::{Publication, ResultFile, dirhash};
use libp2p::PeerId;

use super::Provider;
use crate::compute::Ran;
use crate::daemon::Work;
use crate::job::{AnnouncedJob, ExecutionId, Resources};
use crate::protocol::{Delivery, FailureKind};

/// What is added to the standard output of every program.
const LIE: &str = "and the moon is made of cheese\n";

/// See the module.
#[derive(Debug)]
pub struct Liar {
    provider: Arc<Provider>,
    lie: String,
}

impl Liar {
    /// Lies about what `provider` does.
    pub fn new(provider: Arc<Provider>) -> Self {
        Self::telling(provider, LIE)
    }

    /// The same with a lie of its own.
    pub fn telling(provider: Arc<Provider>, lie: &str) -> Self {
        Self { provider, lie: lie.into() }
    }

    fn falsify(&self, execution: ExecutionId, mut ran: Ran) -> Result<Ran, (FailureKind, String)> {
        let results = self.provider.results_of(execution);
        let failed = |why: String| (FailureKind::Host, format!("a lie could not be written: {why}"));
        add_lie(&results.join("stdout"), self.lie.as_bytes()).map_err(|error| failed(error.to_string()))?;
        let hashed = dirhash::hash_dir(&results, "results").map_err(|error| failed(error.to_string()))?;
        ran.receipt.claim.h1 = hashed.h1;
        ran.receipt.claim.files = hashed.files.iter().map(ResultFile::from).collect();
        self.provider.sign(&mut ran.receipt);
        Ok(ran)
    }
}

/// Once, however often the execution is asked for.
fn add_lie(stdout: &Path, lie: &[u8]) -> io::Result<()> {
    if fs::read(stdout)?.ends_with(lie) {
        return Ok(());
    }
    OpenOptions::new().append(true).open(stdout)?.write_all(lie)
}

impl Work for Liar {
    fn assess(&self, job: &AnnouncedJob) -> Result<Vec<Option<Resources>>, String> {
        self.provider.assess(job)
    }

    fn run(&self, execution: ExecutionId, job: &AnnouncedJob) -> Result<Ran, (FailureKind, String)> {
        self.provider.run(execution, job).and_then(|ran| self.falsify(execution, ran))
    }

    fn stop(&self, execution: ExecutionId) {
        self.provider.stop(execution);
    }

    fn publish(
        &self,
        execution: ExecutionId,
        job: &AnnouncedJob,
        h1: &str,
    ) -> Result<(Delivery, Vec<Publication>), String> {
        self.provider.publish(execution, job, h1)
    }

    fn publications(&self, execution: ExecutionId, to: &PeerId) -> Option<Vec<Publication>> {
        self.provider.publications(execution, to)
    }

    fn discard(&self, execution: ExecutionId) {
        self.provider.discard(execution);
    }

    fn collect(&self, execution: ExecutionId, from: PeerId, delivery: &Delivery, h1: &str) -> Result<(), String> {
        self.provider.collect(execution, from, delivery, h1)
    }

    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Option<(Vec<u8>, bool)> {
        self.provider.log(execution, stderr, offset)
    }
}
