//! Runs a job on nodes in this process, which exist only for the job.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bacalhau_runtime::HostFailure;
use libp2p::PeerId;

use super::exit::Failure;
use super::finished_job::FinishedJob;
use super::phases::Phases;
use super::progress_output::Ui;
use super::submit;
use bacalhau_compute::{ComputeConfig, ExecutionContext, Executors};
use bacalhau_daemon::{Daemon, SubmitError, Work};
use bacalhau_identity::Identity;
use bacalhau_job::{InputSpec, JobId, JobRecord, JobSpec, Resources, ShardRecord};
use bacalhau_publisher::PublishPlaces;
use bacalhau_requester::RequesterConfig;
use bacalhau_service::{
    Provider, ProviderConfig,
    embedded::{Cluster, ClusterConfig},
    node::Node,
};
use bacalhau_storage::OpenInputs;

/// Number of events read at a time.
const AT_ONCE: usize = 256;
/// Interval at which the state of the job is checked without events.
const BEAT: Duration = Duration::from_secs(1);

/// Configuration of the local nodes.
pub(super) struct LocalRun<'a> {
    pub(super) context: Arc<ExecutionContext>,
    /// Inputs of the only shard, if they are already open.
    pub(super) inputs: Option<OpenInputs>,
    pub(super) node: Option<Arc<Node>>,
    /// Existing directory for all data of the nodes.
    pub(super) dir: &'a Path,
    pub(super) publish: PublishPlaces,
    /// The engines that run programs.
    pub(super) executors: Executors,
}

impl LocalRun<'_> {
    /// Runs the job on as many nodes as it needs, and reports progress.
    ///
    /// # Errors
    /// When the nodes cannot be started, or the job has no result.
    pub(super) fn run(self, spec: JobSpec, shards: Vec<Vec<InputSpec>>, ui: &Arc<Ui>) -> Result<FinishedJob, Failure> {
        let deal = spec.deal;
        let count = shards.len();
        let config = ClusterConfig {
            // One more node repeats an audited run.
            nodes: deal.concurrency().max(deal.min_bids()).max(if deal.audit_millionths() > 0 { 2 } else { 1 }),
            requester: RequesterConfig::default(),
            compute: ComputeConfig { total: everything(), per_job: everything(), ..ComputeConfig::default() },
            profiles: self.executors.profiles(),
        };
        let providers: Vec<OnceLock<Arc<Provider>>> = (0..config.nodes).map(|_| OnceLock::new()).collect();
        let cluster = Cluster::start(&config, |number, identity, names| {
            let provider = Arc::new(self.provider(number, identity, names)?);
            let _ = providers[number].set(Arc::clone(&provider));
            Ok(provider as Arc<dyn Work>)
        })?;
        let requester = cluster.requester();
        let request = submit::sign(spec, Identity::ephemeral().keypair())?;
        if let Some(inputs) = self.inputs {
            self.context.preload_inputs(JobId::of(&request, &requester.me()), 0, inputs);
        }
        let id = requester.submit(request, shards)?;
        follow(requester, id, Phases::new(Arc::clone(ui), deal, count))?;
        let record = requester.store().job(&id).map_err(|error| HostFailure::new(error.to_string()))?;
        let record = record.ok_or_else(|| {
            HostFailure::new(
                "internal error: the local requester has no record of the \
            job",
            )
        })?;
        let providers: BTreeMap<PeerId, &Provider> = cluster
            .nodes()
            .iter()
            .zip(&providers)
            .filter_map(|(node, provider)| Some((node.me(), &**provider.get()?)))
            .collect();
        let results = results(&record, &providers);
        FinishedJob::of(record, results)
    }

    fn provider(&self, number: usize, identity: &Identity, names: &[PeerId]) -> Result<Provider, HostFailure> {
        Provider::new(ProviderConfig {
            context: Arc::clone(&self.context),
            executors: self.executors.clone(),
            identity: identity.clone(),
            data_dir: self.dir.join("nodes").join(number.to_string()),
            policy: None,
            node: self.node.clone(),
            publish: self.publish.clone(),
            here: names.iter().copied().collect(),
            keeps_results: true,
        })
    }
}

/// Paths of the results of each shard's executions.
fn results(record: &JobRecord, providers: &BTreeMap<PeerId, &Provider>) -> Vec<BTreeMap<u16, PathBuf>> {
    let of_shard = |(index, shard): (u32, &ShardRecord)| {
        let mut dirs = BTreeMap::new();
        for execution in &shard.executions {
            let id = record.job.id.execution(index, execution.number);
            let provider = providers.get(&execution.peer);
            let dir = provider.map(|provider| provider.results_of(id)).filter(|dir| dir.is_dir());
            dirs.extend(dir.map(|dir| (execution.number, dir)));
        }
        dirs
    };
    (0..).zip(&record.shards).map(of_shard).collect()
}

/// Shows progress until the job has ended.
fn follow(requester: &Daemon, id: JobId, mut phases: Phases) -> Result<(), Failure> {
    let failed = |error: bacalhau_store::StoreError| HostFailure::new(error.to_string());
    let mut last = 0;
    loop {
        let unfinished = requester.store().is_unfinished(&id).map_err(failed)?;
        let events = requester.store().events(&id, last, AT_ONCE).map_err(failed)?;
        for event in &events {
            phases.hear(&event.event);
            last = event.number;
        }
        if !unfinished && events.len() < AT_ONCE {
            phases.done();
            return Ok(());
        }
        requester.wait(|store| store.events(&id, last, 1).is_ok_and(|new| !new.is_empty()), BEAT);
    }
}

/// Local nodes have no capacity limit: the user decides what fits on the machine.
fn everything() -> Resources {
    Resources { cpu_millis: u64::MAX, memory_bytes: u64::MAX, disk_bytes: u64::MAX }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(why) => Self::refused(why),
            SubmitError::Busy(why) | SubmitError::Quota(why) | SubmitError::QueueFull(why) => {
                HostFailure::new(why).into()
            }
            SubmitError::Host(failure) => failure.into(),
        }
    }
}
