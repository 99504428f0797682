//! The embedded default: a job is run by nodes of this process, opened for it and closed after it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{HostFailure, Runtime};
use libp2p::PeerId;

use super::ending::Ending;
use super::exit::Failure;
use super::phases::Phases;
use super::submit;
use super::talk::Talk;
use crate::compute::ComputeConfig;
use crate::daemon::{Daemon, SubmitError, Work};
use crate::embedded::{Cluster, ClusterConfig};
use crate::executor::WasmExecutor;
use crate::job::{InputSpec, JobId, JobRecord, JobSpec, Resources};
use crate::node::Node;
use crate::publisher::PublishPlaces;
use crate::requester::RequesterConfig;
use crate::service::{LocalPeers, Provider, ProviderConfig, Shared};
use crate::storage::Sources;
use crate::transport::Identity;

/// Events that are shown at once.
const AT_ONCE: usize = 256;
/// How often it is looked whether a job has ended, where nothing else says so.
const BEAT: Duration = Duration::from_secs(1);

/// All that nodes of this process run a job with.
pub(super) struct Here<'a> {
    pub(super) runtime: Runtime,
    pub(super) executor: &'a WasmExecutor,
    pub(super) sources: Arc<Sources>,
    pub(super) node: Option<Arc<Node>>,
    /// An existing directory for everything that they write.
    pub(super) dir: &'a Path,
    pub(super) publish: PublishPlaces,
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
            nodes: deal.concurrency().max(deal.min_bids()),
            requester: RequesterConfig::default(),
            compute: ComputeConfig { total: everything(), per_job: everything(), ..ComputeConfig::default() },
        };
        let shared = Shared::new(self.runtime.clone(), Arc::clone(&self.sources));
        shared.preload(self.executor);
        let providers = self.providers(usize::from(config.nodes), &shared)?;
        let cluster = Cluster::start(&config, |number, names| {
            providers[number].same_process(names);
            Arc::clone(&providers[number]) as Arc<dyn Work>
        })?;
        let requester = cluster.requester();
        let request = submit::sign(spec, Identity::ephemeral().keypair())?;
        let id = requester.submit(request, shards)?;
        follow(requester, id, Phases::new(Arc::clone(talk), deal, count))?;
        let record = requester.store().job(&id).map_err(|error| HostFailure::new(error.to_string()))?;
        let record = record.ok_or_else(|| HostFailure::new("the job is not known any more"))?;
        let names: Vec<PeerId> = cluster.nodes().iter().map(Daemon::me).collect();
        let results = results(&record, &names, &providers);
        Ending::of(record, results)
    }

    fn providers(&self, count: usize, shared: &Arc<Shared>) -> Result<Vec<Arc<Provider>>, Failure> {
        (0..count)
            .map(|number| {
                let dir = self.dir.join("nodes").join(number.to_string());
                let provider = Provider::new(ProviderConfig {
                    shared: Arc::clone(shared),
                    node: self.node.clone(),
                    data_dir: dir,
                    policy: None,
                    publish: self.publish.clone(),
                    local: LocalPeers::default(),
                    identity: Identity::ephemeral(),
                })?;
                Ok(Arc::new(provider))
            })
            .collect()
    }
}

/// Where results of each shard's executions lie.
fn results(record: &JobRecord, names: &[PeerId], providers: &[Arc<Provider>]) -> Vec<BTreeMap<u16, PathBuf>> {
    let of_shard = |(index, shard): (u32, &crate::job::ShardRecord)| {
        let mut dirs = BTreeMap::new();
        for execution in &shard.executions {
            let id = record.job.id.execution(index, execution.number);
            let node = names.iter().position(|name| *name == execution.peer);
            let dir = node.map(|node| providers[node].results_of(id)).filter(|dir| dir.is_dir());
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
            SubmitError::Busy(why) => HostFailure::new(why).into(),
            SubmitError::Host(failure) => failure.into(),
        }
    }
}
