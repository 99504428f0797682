//! The drivers of a node's daemon, from `compute`: assesses, runs, delivers, collects. Adds only paths.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bacalhau_receipt::{Publication, Receipt};
use bacalhau_tree::HostFailure;
use libp2p::PeerId;

use super::hidden;
use crate::data_dir;
use crate::node::Node;
use bacalhau_beacon::Beacon;
use bacalhau_cas::BlockSource;
use bacalhau_compute::{
    Assessor, Collector, Deliverer, ExecutionContext, Executors, MissingPublisher, Policy, Ran, Runner,
};
use bacalhau_daemon::Work;
use bacalhau_identity::{Identity, receipts};
use bacalhau_job::{
    AnnouncedJob, DeclineReason, Declined, Delivery, ExecutionId, FailureKind, JobBrief, JobId, MinerClaim,
    OperatorProof, Resources,
};
use bacalhau_publisher::{PublishPlaces, filecoin::Miners};
use bacalhau_storage::Sources;

/// Bytes of results that are collected at most, unless the job's own limit is lower.
const MAX_RESULT_BYTES: u64 = 64 << 30;
/// Bytes of a log that are read at once.
pub(super) const LOG_BYTES: usize = 256 << 10;

/// Parts of a provider.
#[derive(Debug)]
pub struct ProviderConfig {
    /// Where modules and inputs are open, shared by all nodes of a process.
    pub context: Arc<ExecutionContext>,
    /// The executors.
    pub executors: Executors,
    /// Identity that signs receipts.
    pub identity: Identity,
    /// An existing or new directory for everything that it writes.
    pub data_dir: PathBuf,
    /// Job selection and limits of an execution; `None` accepts every job.
    pub policy: Option<(Policy, Resources, Arc<Sources>)>,
    /// Its blocks and peers, where it has any.
    pub node: Option<Arc<Node>>,
    /// Publishing configuration.
    pub publish: PublishPlaces,
    /// Nodes of this process, which may open its directories.
    pub here: BTreeSet<PeerId>,
    /// Whether to keep results that the daemon does not need any more, for callers that read all of them and then
    /// remove the data directory.
    pub keeps_results: bool,
}

/// The drivers of a provider.
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
        let ProviderConfig { context, executors, identity, data_dir, policy, node, publish, here, keeps_results } =
            config;
        let me = identity.peer_id();
        let signer = identity.clone();
        let sign = Arc::new(move |receipt: &mut _| receipts::sign(receipt, &signer));
        let disk_bytes = policy.as_ref().map_or(u64::MAX, |(_, per_job, _)| per_job.disk_bytes);
        let assessor =
            policy.map(|(policy, per_job, sources)| Assessor::new(me, executors.clone(), policy, sources, per_job));
        let runner = Runner::new(executors, context, data_dir.join(data_dir::EXECUTIONS), disk_bytes, sign)?;
        let blocks = node.as_ref().map(|node| Arc::clone(node.exchange()) as Arc<dyn BlockSource>);
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

    /// Adds `miners` to look up storage providers of bidders.
    #[must_use]
    pub fn with_miners(self, miners: Option<Miners>) -> Self {
        Self { miners, ..self }
    }

    /// Adds `beacon` to request rounds.
    #[must_use]
    pub fn with_beacon(self, beacon: Option<Beacon>) -> Self {
        Self { beacon, ..self }
    }

    /// Where the results of an execution of this node are once it has ended well.
    pub fn results_of(&self, execution: ExecutionId) -> PathBuf {
        self.runner.results(execution)
    }

    /// Removes leftovers of a killed node except those of `needed` executions, before any run.
    ///
    /// # Errors
    /// When they cannot be removed.
    pub(super) fn keep_only(&self, needed: &BTreeSet<ExecutionId>) -> Result<(), HostFailure> {
        self.runner.keep_only(needed)?;
        self.deliverer.keep_only(needed).map_err(|error| HostFailure::new(error.to_string()))
    }

    /// Signs a receipt as this node, replacing earlier signatures.
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
                let declined =
                    |missing: MissingPublisher| Declined::new(DeclineReason::NoPublisher, missing.to_string());
                self.deliverer.can_publish(&job.spec().publishers).map_err(declined)?;
                assessor.assess(job)
            }
            None => Ok(vec![Some(job.spec().resources); job.shards.len()]),
        }
    }

    fn assess_brief(&self, brief: &JobBrief) -> Result<Vec<Option<Resources>>, Declined> {
        let declined = |missing: MissingPublisher| Declined::new(DeclineReason::NoPublisher, missing.to_string());
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
        let published = published.map_err(|error| error.to_string());
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
            tracing::warn!(%execution, "leftovers of an execution could not be removed: {error}");
        }
        if let Err(error) = self.deliverer.discard(execution) {
            tracing::warn!(%execution, "results could not be unpinned: {error}");
        }
    }

    fn collect(&self, execution: ExecutionId, _from: PeerId, delivery: &Delivery, h1: &str) -> Result<(), String> {
        let target = self.collected(&execution.job, execution.shard);
        self.collector.collect(delivery, h1, &target).map_err(|error| error.to_string())
    }

    fn log(&self, execution: ExecutionId, stderr: bool, offset: u64) -> Option<(Vec<u8>, bool)> {
        self.runner.log(execution, stderr, offset, LOG_BYTES)
    }

    fn miner(&self, peer: &PeerId, claim: &MinerClaim) -> Result<OperatorProof, String> {
        match &self.miners {
            Some(miners) => miners.prove(peer, claim).map_err(|error| error.to_string()),
            None => Err("this requester has no Lotus node to ask (filecoin.lotus)".into()),
        }
    }

    fn beacon(&self, round: u64) -> Result<String, String> {
        match &self.beacon {
            Some(beacon) => beacon.round(round).map_err(|error| error.to_string()),
            None => Err("this requester has no beacon (requester.beacon_urls)".into()),
        }
    }
}
