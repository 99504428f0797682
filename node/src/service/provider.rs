//! What a node does for its daemon, by the drivers of `compute`: it assesses, runs, delivers, collects. Beside that it only
//! says where things lie.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_runtime::{HostFailure, Publication, Receipt};
use libp2p::PeerId;

use super::hidden;
use crate::beacon::Beacon;
use crate::cas::Blocks;
use crate::compute::{Assessor, Collector, Deliverer, Executors, Policy, Ran, Runner, Workbench};
use crate::daemon::Work;
use crate::data_dir;
use crate::job::{
    AnnouncedJob, DeclineReason, Declined, ExecutionId, JobBrief, JobId, MinerClaim, OperatorProof, Resources,
};
use crate::node::Node;
use crate::protocol::{Delivery, FailureKind};
use crate::publisher::PublishPlaces;
use crate::publisher::filecoin::Miners;
use crate::receipts;
use crate::storage::Sources;
use crate::transport::Identity;

/// Bytes of results that are collected at most, unless the job's own limit is lower.
const MAX_RESULT_BYTES: u64 = 64 << 30;
/// Bytes of a log that are read at once.
pub(super) const LOG_BYTES: usize = 256 << 10;

/// What a provider is made of.
#[derive(Debug)]
pub struct ProviderConfig {
    /// Where modules and inputs are open, shared by all nodes of a process.
    pub bench: Arc<Workbench>,
    /// Who runs programs.
    pub executors: Executors,
    /// Who signs its receipts.
    pub identity: Identity,
    /// An existing or new directory for everything that it writes.
    pub data_dir: PathBuf,
    /// What it wants and what it gives to one execution; without, it takes every job as it is.
    pub policy: Option<(Policy, Resources, Arc<Sources>)>,
    /// Its blocks and peers, where it has any.
    pub node: Option<Arc<Node>>,
    /// Where it publishes.
    pub publish: PublishPlaces,
    /// Nodes of this process, which may open its directories.
    pub here: BTreeSet<PeerId>,
    /// Whether results stay although the daemon needs them no more: for whoever looks at all of them, and removes the data
    /// directory after that.
    pub keeps_results: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Provider {
    identity: Identity,
    runner: Runner,
    assessor: Option<Assessor>,
    deliverer: Deliverer,
    collector: Collector,
    results_dir: PathBuf,
    keeps_results: bool,
    miners: Option<Miners>,
    beacon: Option<Beacon>,
    /// Whether all others are nodes of this process, which may open its directories.
    is_among_own: bool,
}

/// Where a requester with this data directory keeps collected results.
pub(super) fn results_dir(data_dir: &Path) -> PathBuf {
    data_dir.join(data_dir::RESULTS)
}

impl Provider {
    /// A provider that has not run anything.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub fn new(config: ProviderConfig) -> Result<Self, HostFailure> {
        let ProviderConfig { bench, executors, identity, data_dir, policy, node, publish, here, keeps_results } =
            config;
        let me = identity.peer_id();
        let signer = identity.clone();
        let sign = Arc::new(move |receipt: &mut _| {
            receipts::sign(receipt, &signer);
            Ok(())
        });
        let disk_bytes = policy.as_ref().map_or(u64::MAX, |(_, per_job, _)| per_job.disk_bytes);
        let assessor =
            policy.map(|(policy, per_job, sources)| Assessor::new(me, executors.clone(), policy, sources, per_job));
        let runner = Runner::new(executors, bench, data_dir.join(data_dir::EXECUTIONS), disk_bytes, sign)?;
        let blocks = node.as_ref().map(|node| Arc::clone(node.exchange()) as Arc<dyn Blocks>);
        let store = node.as_ref().map(|node| Arc::clone(node.store()));
        let kubos = node.as_ref().map(|node| node.kubos().to_vec()).unwrap_or_default();
        let publishers = publish.publishers(store.clone().map(|store| (store, kubos)));
        let results_dir = results_dir(&data_dir);
        let is_among_own = !here.is_empty();
        let collector = Collector::new(results_dir.clone(), blocks, MAX_RESULT_BYTES, !here.is_empty());
        let deliverer = Deliverer::new(
            store,
            publish.profile,
            publishers,
            publish.ledger,
            Arc::new(move |peer: &PeerId| here.contains(peer)),
        );
        let (miners, beacon) = (None, None);
        Ok(Self {
            identity,
            runner,
            assessor,
            deliverer,
            collector,
            results_dir,
            keeps_results,
            miners,
            beacon,
            is_among_own,
        })
    }

    /// The same, which asks `miners` which storage providers bidders belong to.
    #[must_use]
    pub fn with_miners(self, miners: Option<Miners>) -> Self {
        Self { miners, ..self }
    }

    /// The same, which asks `beacon` for rounds.
    #[must_use]
    pub fn with_beacon(self, beacon: Option<Beacon>) -> Self {
        Self { beacon, ..self }
    }

    /// Where the results of an execution of this node are once it has ended well.
    pub fn results_of(&self, execution: ExecutionId) -> PathBuf {
        self.runner.results(execution)
    }

    /// Removes what a killed node has left of all executions but `needed`, before any is run.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(super) fn keep_only(&self, needed: &BTreeSet<ExecutionId>) -> Result<(), HostFailure> {
        self.runner.keep_only(needed)?;
        self.deliverer.keep_only(needed).map_err(|error| HostFailure::new(error.to_string()))
    }

    /// Signs a receipt as this node, in place of whoever has signed it before.
    pub(super) fn sign(&self, receipt: &mut Receipt) {
        receipt.signatures.clear();
        receipts::sign(receipt, &self.identity);
    }

    /// Where the results of a shard are once they were collected.
    pub fn collected(&self, job: &JobId, shard: u32) -> PathBuf {
        self.results_dir.join(job.to_string()).join(shard.to_string()).join("results")
    }
}

impl Work for Provider {
    fn assess(&self, job: &AnnouncedJob) -> Result<Vec<Option<Resources>>, Declined> {
        match &self.assessor {
            Some(assessor) => {
                let declined = |why| Declined::new(DeclineReason::NoPublisher, why);
                self.deliverer.can_publish(&job.request.request.spec.publishers).map_err(declined)?;
                assessor.assess(job)
            }
            None => Ok(vec![Some(job.request.request.spec.resources); job.shards.len()]),
        }
    }

    fn assess_brief(&self, brief: &JobBrief) -> Result<Vec<Option<Resources>>, Declined> {
        let declined = |why| Declined::new(DeclineReason::NoPublisher, why);
        self.deliverer.can_publish(&brief.publishers).map_err(declined)?;
        match &self.assessor {
            Some(assessor) => assessor.assess_brief(brief),
            None => Ok(vec![Some(brief.resources); brief.shards as usize]),
        }
    }

    fn run(&self, execution: ExecutionId, job: &AnnouncedJob) -> Result<Ran, (FailureKind, String)> {
        let ran = self.runner.run(execution, job).map(|ran| *ran);
        if self.is_among_own {
            return ran;
        }
        match ran {
            Ok(mut ran) => {
                hidden::receipt(&mut ran.receipt, job);
                Ok(ran)
            }
            Err((kind, why)) => {
                tracing::info!(%execution, "an execution failed: {why}");
                Err((kind, hidden::reason(&why, job)))
            }
        }
    }

    fn stop(&self, execution: ExecutionId) {
        self.runner.stop(execution);
    }

    fn publish(
        &self,
        execution: ExecutionId,
        job: &AnnouncedJob,
        h1: &str,
    ) -> Result<(Delivery, Vec<Publication>), String> {
        let published = self.deliverer.publish(execution, job, &self.results_of(execution), h1);
        if self.is_among_own {
            return published;
        }
        match published {
            Ok((delivery, mut publications)) => {
                publications.iter_mut().for_each(hidden::publication);
                Ok((delivery, publications))
            }
            Err(why) => {
                tracing::warn!(%execution, "results could not be published: {why}");
                Err(hidden::reason(&why, job))
            }
        }
    }

    fn publications(&self, execution: ExecutionId, to: &PeerId) -> Option<Vec<Publication>> {
        self.deliverer.publications(execution, to)
    }

    fn discard(&self, execution: ExecutionId) {
        if self.keeps_results {
            return;
        }
        if let Err(error) = self.runner.discard(execution) {
            tracing::warn!(%execution, "what an execution has left could not be removed: {error}");
        }
        if let Err(error) = self.deliverer.discard(execution) {
            tracing::warn!(%execution, "results could not be let go: {error}");
        }
    }

    fn collect(&self, execution: ExecutionId, _from: PeerId, delivery: &Delivery, h1: &str) -> Result<(), String> {
        self.collector.collect(delivery, h1, &self.collected(&execution.job, execution.shard))
    }

    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Option<(Vec<u8>, bool)> {
        self.runner.log(execution, stderr, offset, LOG_BYTES)
    }

    fn miner(&self, peer: &PeerId, claim: &MinerClaim) -> Result<OperatorProof, String> {
        match &self.miners {
            Some(miners) => miners.prove(peer, claim),
            None => Err("this requester has no Lotus node to ask (filecoin.lotus)".into()),
        }
    }

    fn beacon(&self, round: u64) -> Result<String, String> {
        match &self.beacon {
            Some(beacon) => beacon.round(round),
            None => Err("this requester has no beacon (requester.beacon_urls)".into()),
        }
    }
}
