//! A provider with injected faults, for `devstack --bad-actors` and tests.

use std::fmt::Debug;
use std::sync::Arc;

use bacalhau_receipt::Publication;
use libp2p::PeerId;

use super::Provider;
use bacalhau_compute::Ran;
use bacalhau_daemon::Work;
use bacalhau_job::{
    AnnouncedJob, Declined, Delivery, ExecutionId, FailureKind, JobBrief, MinerClaim, OperatorProof, Resources,
};

/// Fault injection points of a provider; the default injects nothing.
pub(crate) trait ProviderFault: Send + Sync + Debug {
    /// The job that is run in place of `job`.
    fn job(&self, job: &AnnouncedJob) -> AnnouncedJob {
        job.clone()
    }

    /// The result to report for an execution instead of `ran`.
    ///
    /// # Errors
    /// When it cannot be made.
    fn ran(&self, _: &Provider, _: ExecutionId, ran: Ran) -> Result<Ran, (FailureKind, String)> {
        Ok(ran)
    }

    /// The delivery to make instead of `delivery`.
    ///
    /// # Errors
    /// When it cannot be made.
    fn deliver(&self, _: &Provider, _: ExecutionId, delivery: Delivery) -> Result<Delivery, String> {
        Ok(delivery)
    }

    /// Called when an execution is not needed any more.
    fn discarded(&self, _: ExecutionId) {}
}

/// A provider with an injected fault.
#[derive(Debug)]
pub(crate) struct FaultyProvider {
    provider: Arc<Provider>,
    fault: Arc<dyn ProviderFault>,
}

impl FaultyProvider {
    pub(crate) fn new(provider: Arc<Provider>, fault: Arc<dyn ProviderFault>) -> Self {
        Self { provider, fault }
    }
}

impl Work for FaultyProvider {
    fn assess(&self, job: &AnnouncedJob) -> Result<Vec<Option<Resources>>, Declined> {
        self.provider.assess(job)
    }

    fn assess_brief(&self, brief: &JobBrief) -> Result<Vec<Option<Resources>>, Declined> {
        self.provider.assess_brief(brief)
    }

    fn run(&self, execution: ExecutionId, job: &AnnouncedJob) -> Result<Ran, (FailureKind, String)> {
        let ran = self.provider.run(execution, &self.fault.job(job))?;
        self.fault.ran(&self.provider, execution, ran)
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
        let (delivery, publications) = self.provider.publish(execution, job, h1)?;
        Ok((self.fault.deliver(&self.provider, execution, delivery)?, publications))
    }

    fn publications(&self, execution: ExecutionId, to: &PeerId) -> Option<Vec<Publication>> {
        self.provider.publications(execution, to)
    }

    fn discard(&self, execution: ExecutionId) {
        self.provider.discard(execution);
        self.fault.discarded(execution);
    }

    fn collect(&self, execution: ExecutionId, from: PeerId, delivery: &Delivery, h1: &str) -> Result<(), String> {
        self.provider.collect(execution, from, delivery, h1)
    }

    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Option<(Vec<u8>, bool)> {
        self.provider.log(execution, stderr, offset)
    }

    fn miner(&self, peer: &PeerId, claim: &MinerClaim) -> Result<OperatorProof, String> {
        self.provider.miner(peer, claim)
    }
}
