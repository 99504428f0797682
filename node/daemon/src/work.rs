//! The drivers of a node: assessing, running, publishing and collecting. A trait, so that tests can inject failures and
//! faulty nodes.

use std::fmt::Debug;

use bacalhau_receipt::Publication;
use libp2p_identity::PeerId;

use bacalhau_compute::Ran;
use bacalhau_job::{
    AnnouncedJob, Declined, Delivery, ExecutionId, FailureKind, JobBrief, MinerClaim, OperatorProof, Resources,
};

/// Slow operations. Called from many threads concurrently; all are idempotent.
pub trait Work: Send + Sync + Debug {
    /// Needs of one execution of each shard, `None` for a rejected shard; or why the whole job is rejected.
    ///
    /// # Errors
    /// The reason.
    fn assess(&self, job: &AnnouncedJob) -> Result<Vec<Option<Resources>>, Declined>;

    /// As [`assess`](Self::assess), for a private job whose spec this node receives after its bid is accepted.
    ///
    /// # Errors
    /// The reason.
    fn assess_brief(&self, brief: &JobBrief) -> Result<Vec<Option<Resources>>, Declined>;

    /// Runs an execution, or returns its stored results.
    ///
    /// # Errors
    /// Why it failed, and whose failure it is.
    fn run(&self, execution: ExecutionId, job: &AnnouncedJob) -> Result<Ran, (FailureKind, String)>;

    /// Ends a run as soon as that can be done.
    fn stop(&self, execution: ExecutionId);

    /// Makes the results of an execution, with the hash `h1`, available to the requester of `job`, and publishes them
    /// by its publishers.
    ///
    /// # Errors
    /// Why it failed.
    fn publish(
        &self,
        execution: ExecutionId,
        job: &AnnouncedJob,
        h1: &str,
    ) -> Result<(Delivery, Vec<Publication>), String>;

    /// The state of an execution's publications that continue after [`publish`](Self::publish), if `to` may see it.
    /// `None` when there are none.
    fn publications(&self, execution: ExecutionId, to: &PeerId) -> Option<Vec<Publication>>;

    /// Forgets an execution and its results.
    fn discard(&self, execution: ExecutionId);

    /// Fetches and stores results, which must have the hash `h1`.
    ///
    /// # Errors
    /// Why they are rejected.
    fn collect(&self, execution: ExecutionId, from: PeerId, delivery: &Delivery, h1: &str) -> Result<(), String>;

    /// A part of an execution's log from `offset` on, and whether it is complete. `None` for an unknown execution.
    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Option<(Vec<u8>, bool)>;

    /// Finds out whether `peer` is a node of the storage provider of Filecoin that it claims to belong to. Default: this node
    /// has no chain to ask.
    ///
    /// # Errors
    /// Why that is not proved.
    fn miner(&self, _peer: &PeerId, _claim: &MinerClaim) -> Result<OperatorProof, String> {
        Err("this requester has no chain node".into())
    }

    /// The verified signature of a round of this requester's beacon, in hexadecimal. Default: there is no beacon.
    ///
    /// # Errors
    /// Why it is not available.
    fn beacon(&self, _round: u64) -> Result<String, String> {
        Err("this requester has no beacon (requester.beacon_urls)".into())
    }
}
