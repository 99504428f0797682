//! A provider that does not do what it should: for `devstack --bad-actors`, and for tests.

use std::fmt::Debug;
use std::sync::Arc;

use bacalhau_runtime::Publication;
use libp2p::PeerId;

use super::Provider;
use crate::compute::Ran;
use crate::daemon::Work;
use crate::job::{AnnouncedJob, Declined, ExecutionId, JobBrief, MinerClaim, OperatorProof, Resources};
use crate::protocol::{Delivery, FailureKind};

/// What is bent of a provider. By itself nothing is.
pub(crate) trait Hand: Send + Sync + Debug {
    /// The job that is run in place of `job`.
    fn job(&self, job: &AnnouncedJob) -> AnnouncedJob {
        job.clone()
    }

    /// What is said to have come of an execution in place of `ran`.
    ///
    /// # Errors
    /// When it cannot be made.
    fn ran(&self, _: &Provider, _: ExecutionId, ran: Ran) -> Result<Ran, (FailureKind, String)> {
        Ok(ran)
    }

    /// What is delivered in place of `delivery`.
    ///
    /// # Errors
    /// When it cannot be made.
    fn deliver(&self, _: &Provider, _: ExecutionId, delivery: Delivery) -> Result<Delivery, String> {
        Ok(delivery)
    }

    /// Hears that an execution is not needed any more.
    fn discarded(&self, _: ExecutionId) {}
}

/// A provider with such a hand.
#[derive(Debug)]
pub(crate) struct Crooked {
    provider: Arc<Provider>,
    hand: Arc<dyn Hand>,
}

impl Crooked {
    pub(crate) fn new(provider: Arc<Provider>, hand: Arc<dyn Hand>) -> Self {
        Self { provider, hand }
    }
}

impl Work for Crooked {
    fn assess(&self, job: &AnnouncedJob) -> Result<Vec<Option<Resources>>, Declined> {
        self.provider.assess(job)
    }

    fn assess_brief(&self, brief: &JobBrief) -> Result<Vec<Option<Resources>>, Declined> {
        self.provider.assess_brief(brief)
    }

    fn run(&self, execution: ExecutionId, job: &AnnouncedJob) -> Result<Ran, (FailureKind, String)> {
        let ran = self.provider.run(execution, &self.hand.job(job))?;
        self.hand.ran(&self.provider, execution, ran)
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
        Ok((self.hand.deliver(&self.provider, execution, delivery)?, publications))
    }

    fn publications(&self, execution: ExecutionId, to: &PeerId) -> Option<Vec<Publication>> {
        self.provider.publications(execution, to)
    }

    fn discard(&self, execution: ExecutionId) {
        self.provider.discard(execution);
        self.hand.discarded(execution);
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
