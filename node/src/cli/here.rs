//! The embedded default: a job is run by nodes of this process, opened for it and closed after it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bacalhau_runtime::HostFailure;
use libp2p::PeerId;

use super::ending::Ending;
use super::exit::Failure;
use super::phases::Phases;
use super::submit;
use super::talk::Talk;
use crate::compute::{ComputeConfig, Executors, Workbench};
use crate::daemon::{Daemon, SubmitError, Work};
use crate::embedded::{Cluster, ClusterConfig};
use crate::job::{InputSpec, JobId, JobRecord, JobSpec, Resources, ShardRecord};
use crate::node::Node;
use crate::publisher::PublishPlaces;
use crate::requester::RequesterConfig;
use crate::service::{Provider, ProviderConfig};
use crate::storage::OpenInputs;
use crate::transport::Identity;

/// Events that are shown at once.
const AT_ONCE: usize = 256;
/// How often it is looked whether a job has ended, where nothing else says so.
const BEAT: Duration = Duration::from_secs(1);

/// All that nodes of this process run a job with.
pub(super) struct Here<'a> {
    pub(super) bench: Arc<Workbench>,
    /// The inputs of the only shard, where they are open already.
    pub(super) inputs: Option<OpenInputs>,
    pub(super) node: Option<Arc<Node>>,
    /// An existing directory for everything that they write.
    pub(super) dir: &'a Path,
    pub(super) publish: PublishPlaces,
    /// Who runs programs.
    pub(super) executors: Executors,
}

impl Here<'_> {
    /// Runs the job by as many nodes as it needs, and says what happens meanwhile.
    ///
    /// # Errors
    /// When the nodes cannot be started, or nothing came of the job.
    pub(super) fn run(self, spec: JobSpec, shards: Vec<Vec<InputSpec>>, talk: &Arc<Talk>) -> Result<Ending, Failure> {
        let deal = spec.deal;
        let count = shards.len();
        let config = ClusterConfig {
            // One more repeats the run where that is audited.
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
            self.bench.preload_inputs(JobId::of(&request, &requester.me()), 0, inputs);
        }
        let id = requester.submit(request, shards)?;
        follow(requester, id, Phases::new(Arc::clone(talk), deal, count))?;
        let record = requester.store().job(&id).map_err(|error| HostFailure::new(error.to_string()))?;
        let record = record.ok_or_else(|| HostFailure::new("the job is not known any more"))?;
        let providers: BTreeMap<PeerId, &Provider> = cluster
            .nodes()
            .iter()
            .zip(&providers)
            .filter_map(|(node, provider)| Some((node.me(), &**provider.get()?)))
            .collect();
        let results = results(&record, &providers);
        Ending::of(record, results)
    }

    fn provider(&self, number: usize, identity: &Identity, names: &[PeerId]) -> Result<Provider, HostFailure> {
        Provider::new(ProviderConfig {
            bench: Arc::clone(&self.bench),
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

/// Where results of each shard's executions lie.
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

/// Shows what happens to a job until it has ended.
fn follow(requester: &Daemon, id: JobId, mut phases: Phases) -> Result<(), Failure> {
    let failed = |error: crate::store::StoreError| HostFailure::new(error.to_string());
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

/// The person who runs the command decides what fits on the machine.
fn everything() -> Resources {
    Resources { cpu_millis: u64::MAX, memory_bytes: u64::MAX, disk_bytes: u64::MAX }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(why) => Self::refused(why),
            SubmitError::Busy(why) | SubmitError::Quota(why) => HostFailure::new(why).into(),
            SubmitError::Host(failure) => failure.into(),
        }
    }
}
