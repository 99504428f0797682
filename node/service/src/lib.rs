//! A complete serving node, assembled by its configuration: store, network, jobs, API. The only module that knows all
//! of these. `node` is its data part.

mod backend;
pub mod backup;
#[cfg(feature = "byzantine")]
#[doc(hidden)]
pub mod byzantine;
pub mod config;
pub mod data_dir;
mod disk;
mod dispatch;
pub mod doctor;
pub mod embedded;
mod hidden;
mod housekeeping;
pub mod node;
mod provider;
pub(crate) mod provider_fault;
pub mod serving;
pub mod worker;
mod wrong_result;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::{AddressSpace, Options, Runtime, StartOptimizer};
use bacalhau_tree::HostFailure;

use crate::backup::Line;
use crate::config::{Config, ConfigError, machine};
use crate::node::Node;
use bacalhau_announce::Announcer;
use bacalhau_api::{Access, ApiServer, Limits, Tls, Tokens};
use bacalhau_compute as compute;
use bacalhau_compute::{
    CompileCommand, Compilers, ComputeConfig, DispatchConfig, Docker, ExecutionContext, Executors, Policy, Probe,
};
use bacalhau_daemon::{Daemon, Mailbox, Parts, Work};
use bacalhau_files::{private, temporary};
use bacalhau_http::Reach;
use bacalhau_job::{ExecutionId, Resources};
use bacalhau_metrics::Metrics;
use bacalhau_network::Network;
use bacalhau_p2p::{Host, HostConfig, JobsConfig};
use bacalhau_publisher as publisher;
use bacalhau_publisher::{Driver, FilecoinPublisher, Ledger, PdpPublisher, PublishPlaces};
use bacalhau_storage::{Fetching, LocalStorage, SourceError, Sources};
use bacalhau_store as store;
use bacalhau_store::JobStore;
use bacalhau_values::budget::Rate;
use bacalhau_verify::AgeSeal;

use backend::NodeBackend;
use disk::{Disk, DiskWatch};
use housekeeping::{House, Housekeeping, Keep};

pub use provider::{Provider, ProviderConfig};
pub use wrong_result::WrongResult;

/// Where downloads are in a data directory, until they are used.
const SPOOL_DIR: &str = "downloads";
/// Default directory of the publisher `local`.
const PUBLISHED_DIR: &str = "published";
/// How long requests that are being answered get.
const API_DRAIN: Duration = Duration::from_secs(5);

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The configuration is inconsistent.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A template or source is invalid.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The machine cannot do its part.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

/// A serving node. Dropping it stops it at once; unfinished work resumes at the next start.
#[derive(Debug)]
pub struct Service {
    api: ApiServer,
    daemon: Arc<Daemon>,
    node: Arc<Node>,
    drain_time: Duration,
    _backups: Option<Line>,
    _housekeeping: Housekeeping,
    _disk: DiskWatch,
    _announcer: Option<Announcer>,
    _publications: Option<Driver>,
    _containers: Option<Containers>,
}

/// Removes all of this node's containers on drop.
#[derive(Debug)]
struct Containers(Arc<Docker>);

impl Drop for Containers {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Service {
    /// Starts the node that `config` describes, with `compiler` for modules. `work` may wrap the drivers, for tests and
    /// faulty nodes.
    ///
    /// # Errors
    /// When the configuration is inconsistent, or the node cannot listen or store its data.
    pub fn start(
        config: &Config,
        compiler: CompileCommand,
        work: impl FnOnce(Arc<Provider>) -> Arc<dyn Work>,
    ) -> Result<Self, ServiceError> {
        let data_dir = config.data_dir()?;
        data_dir::secure(&data_dir)?;
        let others = config.publisher.local_dir.iter().chain(config.cluster.dir.iter().filter(|_| config.dispatches()));
        let disk = Arc::new(Disk::new(&data_dir, others.cloned()));
        disk.give_up_reserve();
        sweep(&data_dir, config.publisher.local_dir.as_deref());
        let node = join(config)?;
        let host = node.host().ok_or_else(|| HostFailure::new("the network was not started"))?;
        let store = Arc::new(JobStore::open(&data_dir.join(store::FILE_NAME)).map_err(failed)?);
        let backups = Line::start(&data_dir, Arc::clone(&store));
        let backups = backups.inspect_err(|error| {
            tracing::warn!("backups of {} are not possible while this node serves: {error}", data_dir.display());
        });
        let metrics = Arc::new(Metrics::default());
        let mailbox = Mailbox::new();
        let network = Arc::new(Network::start(host, mailbox.listener()).map_err(failed)?);
        let counters = Arc::clone(&network);
        metrics.count_p2p(move || counters.counters().list());
        let sources = Arc::new(sources(config, &node, &data_dir)?);
        let compute = config.compute.enabled.then(|| config.compute_config(machine(&data_dir))).transpose()?;
        let compute = compute.map(|compute| ComputeConfig { disk: disk.look().1, ..compute });
        let per_job = compute.as_ref().map_or(Resources::default(), |compute| compute.per_job);
        let context = Arc::new(context(config, compiler, &data_dir, &sources)?);
        let needed = needed(&store)?;
        let containers = docker(config, &data_dir).map(Containers);
        let dispatch = dispatch::dispatcher(config, &host.peer_id(), needed.clone())?;
        let executors = executors(&context, containers.as_ref(), dispatch, &metrics);
        let publish = publish(config, &data_dir, host)?;
        let tasks = publish.tasks(Some(node.store()), Some(host.dialer()));
        let ledger = publish.ledger.clone();
        let publications = publish.ledger.clone().map(|ledger| Driver::start(ledger, tasks)).transpose()?;
        let provider = Provider::new(ProviderConfig {
            context,
            executors: executors.clone(),
            identity: host.identity().clone(),
            data_dir: data_dir.clone(),
            policy: Some((policy(config)?, per_job, Arc::clone(&sources))),
            node: Some(Arc::clone(&node)),
            publish,
            here: BTreeSet::new(),
            keeps_results: false,
        })?;
        let provider = Arc::new(provider.with_miners(config.miners()?).with_beacon(config.beacon()?));
        provider.keep_only(&needed)?;
        let daemon = Arc::new(Daemon::start(Parts {
            me: host.peer_id(),
            store: Arc::clone(&store),
            transport: network,
            mailbox,
            work: work(Arc::clone(&provider)),
            profiles: executors.profiles(),
            seal: Arc::new(AgeSeal::new(host.identity().keypair()).map_err(failed)?),
            requester: config.requester.enabled.then(|| config.requester_config()).transpose()?,
            compute,
            metrics: Arc::clone(&metrics),
        })?);
        let told = Arc::downgrade(&daemon);
        let disk_watch = DiskWatch::start(Arc::clone(&disk), Arc::clone(node.store()), move |problem, space| {
            if let Some(daemon) = told.upgrade() {
                daemon.set_disk(problem, space);
            }
        })?;
        let backend = Arc::new(NodeBackend::new(
            Arc::clone(&daemon),
            Arc::clone(&node),
            sources,
            provider,
            Arc::clone(&disk),
            &config.node,
        ));
        let api = serve(config, backend, &store, metrics)?;
        let announcing = config.announcing()?;
        let announce = |it| Announcer::start(it, Arc::clone(node.store()), host.identity().keypair()).map_err(failed);
        let announcer = announcing.map(announce).transpose()?;
        let keep = keep(config);
        let house = House {
            jobs: store,
            blocks: Arc::clone(node.store()),
            results: provider::results_dir(&data_dir),
            ledger,
            keep,
            sizes: BTreeMap::new(),
        };
        let housekeeping = Housekeeping::start(house, daemon.clock())?;
        Ok(Self {
            api,
            daemon,
            node,
            drain_time: config.compute.drain_time.0,
            _backups: backups.ok(),
            _housekeeping: housekeeping,
            _disk: disk_watch,
            _announcer: announcer,
            _publications: publications,
            _containers: containers,
        })
    }

    /// URL of its API.
    pub fn api(&self) -> String {
        self.api.url()
    }

    /// Its part of the network.
    pub fn host(&self) -> Option<&Host> {
        self.node.host()
    }

    /// The daemon.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Accepts no more work, waits for running executions, and stops.
    ///
    /// # Errors
    /// When an execution did not end in time: it restarts with the node.
    pub fn drain(self) -> Result<(), HostFailure> {
        let running = self.daemon.drain(self.drain_time);
        self.api.drain(API_DRAIN);
        if running == 0 {
            return Ok(());
        }
        Err(HostFailure::new(format!(
            "executions still running after {}: {running}. They restart with this node; compute.drain_time \
             (--drain-time) sets how long it waits for them",
            humantime::format_duration(self.drain_time)
        )))
    }
}

/// How long the node keeps things.
fn keep(config: &Config) -> Keep {
    let requester = &config.requester;
    Keep {
        jobs_ms: requester.keep_jobs_for.millis(),
        jobs_most: usize::try_from(requester.keep_jobs_most).unwrap_or(usize::MAX),
        client_bytes: requester.client_jobs_size.0,
        results_ms: requester.keep_results_for.millis(),
        results_bytes: requester.keep_results_most.0,
    }
}

/// Where modules and inputs are opened. No module is compiled in this process.
fn context(
    config: &Config,
    compiler: CompileCommand,
    data_dir: &Path,
    sources: &Arc<Sources>,
) -> Result<ExecutionContext, HostFailure> {
    let cache_dir = data_dir.join("modules");
    let compilers = Arc::new(Compilers::new(compiler, cache_dir.clone()));
    let optimizing = Arc::clone(&compilers);
    let mut options = Options::default()
        .with_cache_dir(cache_dir)
        .with_module_bytes(config.compute.max_module.0)
        .with_optimizer(StartOptimizer::new(move |module, bytes, _| optimizing.optimize(module, bytes)))
        // Compiled modules are made by processes that have other limits.
        .with_address_space(AddressSpace::Large);
    options.host_bytes = config.compute.job_host_memory.map(|size| size.0);
    options.optimizes = false;
    let runtime = Runtime::new(&options)?;
    if let Some(problem) = runtime.cache_problem() {
        tracing::warn!("no module can be compiled, since compiled modules are not kept: {problem}");
    }
    Ok(ExecutionContext::new(runtime, Arc::clone(sources)).with_compilers(compilers))
}

/// Serves the API.
fn serve(
    config: &Config,
    backend: Arc<NodeBackend>,
    store: &Arc<JobStore>,
    metrics: Arc<Metrics>,
) -> Result<ApiServer, HostFailure> {
    let hosts = config.api.allowed_hosts.iter().map(ToString::to_string).collect();
    let tokens = config.api.token_file.as_deref().map(Tokens::watched).transpose()?.map(Arc::new);
    if tokens.is_none() && !config.api.listen.ip().is_loopback() {
        tracing::warn!(
            "the API at {} has no access control: every client that reaches it can submit jobs and read everything \
             that is not private; set --api-token-file",
            config.api.listen
        );
    }
    let tls = match (&config.api.tls_cert, &config.api.tls_key) {
        (Some(cert), Some(key)) => Some(Tls::from_files(cert, key)?),
        _ => None,
    };
    if tls.is_none() && tokens.is_some() && !config.api.listen.ip().is_loopback() {
        tracing::warn!(
            "the API at {} takes tokens over plain HTTP: machines on the path can read and use them; set \
             --api-tls-cert and --api-tls-key, or use a TLS proxy",
            config.api.listen
        );
    }
    let access = Access { hosts, tokens, tls };
    ApiServer::start(config.api.listen, backend, Arc::clone(store), metrics, limits(config), access)
        .map_err(|error| HostFailure::io(format!("serve the API at {}", config.api.listen), error))
}

/// Executions that the node continues or has results of.
fn needed(store: &JobStore) -> Result<BTreeSet<ExecutionId>, HostFailure> {
    let records = store.provider_records().map_err(failed)?;
    let records: Vec<Vec<u8>> = records.into_iter().map(|(_, record)| record).collect();
    compute::needed(&records).map_err(failed)
}

/// The executors: of a cluster, or of this machine with its container engine.
fn executors(
    context: &Arc<ExecutionContext>,
    containers: Option<&Containers>,
    dispatch: Option<DispatchConfig>,
    metrics: &Metrics,
) -> Executors {
    if let Some(dispatch) = dispatch {
        let (events, phases) = (dispatch.dispatcher.clone(), dispatch.dispatcher.clone());
        metrics.count_dispatched(move || events.counters(), move || phases.phases());
        return Executors::dispatched(Arc::clone(context), dispatch);
    }
    let executors = Executors::new(Arc::clone(context));
    match containers {
        Some(Containers(docker)) => executors.with_docker(Arc::clone(docker)),
        None => executors,
    }
}

/// Connects to the container engine, if one is configured and running. Otherwise the node starts without it and does
/// not bid on such jobs.
fn docker(config: &Config, data_dir: &Path) -> Option<Arc<Docker>> {
    let host = &config.docker.host;
    if !Docker::is_built_in() || !config.compute.enabled || host == "none" || config.dispatches() {
        return None;
    }
    match Docker::connect(host, data_dir) {
        Ok(docker) => {
            tracing::info!("containers are run by {} at {host}", docker.about());
            Some(Arc::new(docker))
        }
        Err(failure) => {
            tracing::warn!("this node runs no containers and does not bid on jobs that have them: {failure}");
            None
        }
    }
}

fn host_config(config: &Config) -> Result<HostConfig, ServiceError> {
    let swarm = &config.swarm;
    let jobs = JobsConfig {
        bootstrap: swarm.peer_addrs()?,
        reachable: swarm.reachable,
        relays: swarm.relays.clone(),
        relay: swarm.relay_server,
        mdns: swarm.mdns,
        ..JobsConfig::default()
    };
    let allow = Some(swarm.allow_peers.iter().copied().collect()).filter(|_| !swarm.allow_peers.is_empty());
    let per_address = usize::try_from(swarm.max_connections_per_address).unwrap_or(usize::MAX);
    Ok(HostConfig { listen: swarm.listen.clone(), allow, per_address, jobs: Some(jobs), ..HostConfig::default() })
}

/// Sources of jobs: local paths and object stores only from the lists.
fn sources(config: &Config, node: &Node, data_dir: &Path) -> Result<Sources, ServiceError> {
    let spool_dir = data_dir.join(SPOOL_DIR);
    private::create_dir_all(&spool_dir).map_err(|error| HostFailure::at("make the directory", &spool_dir, error))?;
    let fetching = Fetching {
        max_bytes: config.storage.max_download.0,
        patience: config.storage.patience.0,
        // A job of a stranger's must not reach into the provider's own network.
        reach: Reach::PublicOnly,
        spool_dir,
        progress: Arc::new(|_, _| ()),
    };
    let sources = node.sources(LocalStorage::below(config.compute.allow_listed_local_paths.clone()), fetching)?;
    Ok(sources.with_objects(config.storage.object_stores.clone()))
}

/// The job selection policy.
fn policy(config: &Config) -> Result<Policy, ServiceError> {
    let compute = &config.compute;
    let url = compute.probe_http.as_ref().map(|text| {
        let wrong = |error| ConfigError::Together(format!("compute.probe_http: {text} is not a URL: {error}"));
        text.parse().map(Probe::Http).map_err(wrong)
    });
    let probes = compute.probe_exec.clone().map(|command| Ok(Probe::Exec(command))).into_iter().chain(url);
    Ok(Policy {
        locality: compute.locality,
        labels: config.node.labels.iter().map(|label| (label.key.clone(), label.value.clone())).collect(),
        maxima: config.maxima(),
        reject_stateless: compute.reject_stateless,
        probes: probes.collect::<Result<_, ConfigError>>()?,
    })
}

fn publish(config: &Config, data_dir: &Path, host: &Host) -> Result<PublishPlaces, ServiceError> {
    let publisher = &config.publisher;
    let ledger = Ledger::open(data_dir.join(publisher::LEDGER_DIR))?;
    let filecoin = config.filecoin_config(data_dir)?;
    let filecoin = filecoin.map(|config| FilecoinPublisher::connect(config, ledger.clone())).transpose()?;
    let pdp = config.pdp_config(data_dir)?;
    let pdp = pdp.map(|config| PdpPublisher::connect(config, ledger.clone())).transpose()?;
    Ok(PublishPlaces {
        profile: publisher.import_profile,
        dir: publisher.local_dir.clone().unwrap_or_else(|| data_dir.join(PUBLISHED_DIR)),
        url: publisher.local_url.clone(),
        peers: host.listen_addrs().iter().map(ToString::to_string).collect(),
        ledger: Some(ledger),
        pinning: config.pinning_service()?,
        filecoin: filecoin.map(Arc::new),
        pdp: pdp.map(Arc::new),
        objects: config.object_publisher().map(Arc::new),
    })
}

fn limits(config: &Config) -> Limits {
    let api = &config.api;
    let rate = |per_second: u32| Rate { per_second: per_second.into(), burst: u64::from(per_second) * 4 };
    Limits {
        connections: usize::try_from(api.max_connections).unwrap_or(usize::MAX),
        per_address: rate(api.requests_per_second),
        jobs_per_client: rate(api.jobs_per_second),
        data_bytes: api.max_upload.0,
        ..Limits::default()
    }
}

/// Opens the block store, without leftovers of killed processes, and joins the network.
fn join(config: &Config) -> Result<Arc<Node>, ServiceError> {
    let node = Node::join(config.node_config(Arc::new(|_| ()))?, host_config(config)?)?;
    node.store().sweep();
    Ok(Arc::new(node))
}

/// Removes temporary files that killed processes have left where a node makes any, besides its block store.
fn sweep(data_dir: &Path, published: Option<&Path>) {
    temporary::sweep(data_dir);
    for dir in [SPOOL_DIR, data_dir::EXECUTIONS, data_dir::RESULTS, PUBLISHED_DIR, publisher::LEDGER_DIR] {
        temporary::sweep(&data_dir.join(dir));
    }
    if let Some(dir) = published {
        temporary::sweep(dir);
    }
}

fn failed(error: impl std::error::Error) -> HostFailure {
    HostFailure::new(error.to_string())
}
