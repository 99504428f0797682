//! What a node does outside of its decisions: looking at jobs, running, publishing, fetching. One trait, so that the loop
//! can be tested with work that fails as the test wants, and so that nodes that cheat can be built for tests.

use std::fmt::Debug;

use bacalhau_runtime::Publication;
use libp2p::PeerId;

use crate::compute::Ran;
use crate::job::{AnnouncedJob, Declined, ExecutionId, JobBrief, MinerClaim, OperatorProof, Resources};
use crate::protocol::{Delivery, FailureKind};

/// Everything that takes long. Called from many threads at once; doing a thing twice is no harm.
pub trait Work: Send + Sync + Debug {
    /// What one execution of each shard would take, `None` for a shard that is none for this node; or why the whole job is
    /// none.
    ///
    /// # Errors
    /// The reason.
    fn assess(&self, job: &AnnouncedJob) -> Result<Vec<Option<Resources>>, Declined>;

    /// As [`assess`](Self::assess), of a private job whose spec this node gets when its bid is accepted.
    ///
    /// # Errors
    /// The reason.
    fn assess_brief(&self, brief: &JobBrief) -> Result<Vec<Option<Resources>>, Declined>;

    /// Runs an execution, or answers with what it came to before.
    ///
    /// # Errors
    /// Whose failure it is, and what happened.
    fn run(&self, execution: ExecutionId, job: &AnnouncedJob) -> Result<Ran, (FailureKind, String)>;

    /// Ends a run as soon as that can be done.
    fn stop(&self, execution: ExecutionId);

    /// Makes the results of an execution, whose hash is to be `h1`, available to the requester of `job`, and to everybody by
    /// the publishers that it names.
    ///
    /// # Errors
    /// Why they are not.
    fn publish(
        &self,
        execution: ExecutionId,
        job: &AnnouncedJob,
        h1: &str,
    ) -> Result<(Delivery, Vec<Publication>), String>;

    /// What has become of the publications of an execution that go on after [`publish`](Self::publish) has returned, as
    /// far as `to` may know. `None` where there are none.
    fn publications(&self, execution: ExecutionId, to: &PeerId) -> Option<Vec<Publication>>;

    /// Forgets an execution and its results.
    fn discard(&self, execution: ExecutionId);

    /// Fetches results, which must have the hash `h1`, and keeps them.
    ///
    /// # Errors
    /// What is wrong with them.
    fn collect(&self, execution: ExecutionId, from: PeerId, delivery: &Delivery, h1: &str) -> Result<(), String>;

    /// Part of the log of an execution of this node from `offset` on, and whether there will be no more. `None` where
    /// there is no such execution.
    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Option<(Vec<u8>, bool)>;

    /// Finds out whether `peer` is a node of the storage provider of Filecoin that it claims to belong to. Default: this node
    /// has no chain to ask.
    ///
    /// # Errors
    /// Why that is not proved.
    fn miner(&self, _peer: &PeerId, _claim: &MinerClaim) -> Result<OperatorProof, String> {
        Err("this requester asks no chain".into())
    }

    /// The signature of a round of the beacon of this requester, in hexadecimal, which has been checked. Default: there is no
    /// beacon.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn beacon(&self, _round: u64) -> Result<String, String> {
        Err("this requester has no beacon (requester.beacon_urls)".into())
    }
}
