//! A cluster of real nodes in this process, some of which cheat, and the job that they are given.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use bacalhau_compute::{ComputeConfig, ExecutionContext, Executors};
use bacalhau_http::Reach;
use bacalhau_identity::Identity;
use bacalhau_job::{
    Deal, ExecutionRecord, InputSpec, JobRecord, JobSpec, PublisherKind, Request, Resources, SignedRequest,
};
use bacalhau_network::{Network, Transport};
use bacalhau_p2p::Budgets;
use bacalhau_publisher::PublishPlaces;
use bacalhau_requester::RequesterConfig;
use bacalhau_runtime::{Job, Link, Options, Runtime};
use bacalhau_service::{
    Provider, ProviderConfig,
    byzantine::{Behaviour, Scenario},
    embedded::{Cluster, ClusterConfig},
};
use bacalhau_storage::{Fetching, LocalStorage, Sources};
use libp2p::PeerId;
use libp2p::identity::Keypair;

use crate::guests::HELLO_AND_ARGS;
use crate::wait::BOUND;

/// The output of the program of its jobs, [`HELLO_AND_ARGS`]: the only argument is its name.
pub const SAID: &str = "hello\nmain.wasm\0";

/// The cluster.
pub struct Net {
    // First: its nodes end before their directory does.
    cluster: Cluster,
    networks: Vec<Arc<Network>>,
    providers: Vec<Arc<Provider>>,
    scenario: Scenario,
    module: Link,
    dir: tempfile::TempDir,
}

/// The terms of a job, beside its program.
pub struct Ask {
    /// How many executions there are, and how many have to agree.
    pub deal: Deal,
    /// How many shards, each with its own input.
    pub shards: usize,
    /// The timeout of the job.
    pub timeout_seconds: u64,
}

impl Ask {
    /// One shard, all of whose results are compared.
    pub fn of(concurrency: u16, confidence: u16) -> Self {
        let deal = Deal::new(concurrency, confidence).unwrap().with_min_bids(concurrency);
        Self { deal, shards: 1, timeout_seconds: 60 }
    }
}

impl Net {
    /// A node for each word of `roles`.
    pub fn of(roles: &str) -> Self {
        Self::with(roles, RequesterConfig::default(), &Budgets::default())
    }

    /// The same, with the requester and the limits of messages as given.
    pub fn with(roles: &str, requester: RequesterConfig, budgets: &Budgets) -> Self {
        let scenario = Scenario::new(roles.split_whitespace().map(|role| role.parse().unwrap()).collect());
        let dir = tempfile::tempdir().unwrap();
        let runtime = Runtime::new(&Options::default()).unwrap();
        let module = runtime.load(HELLO_AND_ARGS.as_bytes()).unwrap();
        let fetching = Fetching {
            max_bytes: 1 << 20,
            patience: BOUND,
            reach: Reach::PublicOnly,
            spool_dir: dir.path().into(),
            progress: Arc::new(|_, _| ()),
        };
        let sources = Sources::new(LocalStorage::below(Vec::new()), fetching, Vec::new());
        let context = Arc::new(ExecutionContext::new(runtime, Arc::new(sources)));
        let executors = Executors::new(Arc::clone(&context));
        let cid = module.cid();
        context.preload_module(&module, None);
        let all = Resources { cpu_millis: u64::MAX, memory_bytes: u64::MAX, disk_bytes: u64::MAX };
        let compute = ComputeConfig { total: all, per_job: all, ..ComputeConfig::default() };
        let nodes = u16::try_from(scenario.roles().len()).unwrap();
        let providers: Vec<OnceLock<Arc<Provider>>> = scenario.roles().iter().map(|_| OnceLock::new()).collect();
        let networks = Mutex::new(Vec::new());
        let work = |number: usize, identity: &Identity, names: &[PeerId]| {
            let data_dir = dir.path().join(number.to_string());
            let places = PublishPlaces { dir: data_dir.join("published"), ..PublishPlaces::default() };
            let provider = Arc::new(Provider::new(ProviderConfig {
                context: Arc::clone(&context),
                executors: executors.clone(),
                identity: identity.clone(),
                data_dir,
                policy: None,
                node: None,
                publish: places,
                here: names.iter().copied().collect(),
                keeps_results: false,
            })?);
            providers[number].set(Arc::clone(&provider)).unwrap();
            Ok(scenario.work(number, provider))
        };
        let wire = |number: usize, identity: &Identity, network: Arc<Network>| {
            networks.lock().unwrap().push(Arc::clone(&network));
            scenario.transport(number, identity, network).unwrap()
        };
        let config = ClusterConfig { nodes, requester, compute, profiles: executors.profiles() };
        let cluster = Cluster::start_with(&config, budgets, work, wire);
        let heard = || networks.lock().unwrap().iter().map(|network| network.peers()).collect::<Vec<_>>();
        let cluster = cluster.unwrap_or_else(|error| panic!("{error}: {:#?}", heard()));
        let providers = providers.into_iter().map(|provider| provider.into_inner().unwrap()).collect();
        Self { cluster, networks: networks.into_inner().unwrap(), providers, scenario, module: cid, dir }
    }

    /// Runs a job on the cluster, and returns its record at the end.
    pub fn run(&self, ask: &Ask) -> JobRecord {
        static NONCE: AtomicU64 = AtomicU64::new(0);
        let inputs: Vec<InputSpec> = (0..ask.shards)
            .map(|shard| InputSpec { source: format!("data:,{shard}"), target: format!("/inputs/{shard}") })
            .collect();
        let spec = JobSpec {
            inputs: inputs.clone(),
            publishers: vec![PublisherKind::Local],
            timeout_seconds: ask.timeout_seconds,
            ..JobSpec::wasm("data:,cached", Job::new(self.module), ask.deal)
        };
        let request = Request { spec, nonce: NONCE.fetch_add(1, Ordering::Relaxed).to_string() };
        let request = SignedRequest::sign(request, &Keypair::generate_ed25519()).unwrap();
        let shards = inputs.into_iter().map(|input| vec![input]).collect();
        let requester = self.cluster.requester();
        let id = requester.submit(request, shards).unwrap();
        let ended = requester.wait(|store| !store.is_unfinished(&id).unwrap(), BOUND);
        let record = requester.store().job(&id).unwrap().unwrap();
        assert!(ended, "{record:#?}");
        record
    }

    /// Runs jobs until one comes to what `wanted` says. Which nodes run one, and in which order, is drawn.
    pub fn run_until(&self, ask: &Ask, wanted: impl Fn(&JobRecord) -> bool) -> JobRecord {
        let record = (0..30).map(|_| self.run(ask)).find(|record| wanted(record));
        record.unwrap_or_else(|| panic!("30 draws, and never what is looked for"))
    }

    /// The behaviour of a node.
    pub fn role_of(&self, peer: &PeerId) -> Behaviour {
        self.scenario.roles()[self.number_of(peer)]
    }

    fn number_of(&self, peer: &PeerId) -> usize {
        self.cluster.nodes().iter().position(|node| node.me() == *peer).unwrap()
    }

    /// The executions of the first shard by nodes that do so.
    pub fn by<'a>(&self, role: Behaviour, record: &'a JobRecord) -> Vec<&'a ExecutionRecord> {
        record.shards[0].executions.iter().filter(|execution| self.role_of(&execution.peer) == role).collect()
    }

    /// The program's output in the results that the requester has collected.
    pub fn result(&self, record: &JobRecord) -> String {
        fs::read_to_string(self.providers[0].collected(&record.job.id, 0).join("stdout")).unwrap()
    }

    /// How many results directories the node has made public.
    pub fn published_by(&self, peer: &PeerId) -> usize {
        let dir: PathBuf = self.dir.path().join(self.number_of(peer).to_string()).join("published");
        fs::read_dir(dir).map_or(0, Iterator::count)
    }

    /// The networks of the nodes, before faults are injected into messages.
    pub fn networks(&self) -> &[Arc<Network>] {
        &self.networks
    }

    /// The peer id of a node, by its position in the roles.
    pub fn peer(&self, number: usize) -> PeerId {
        self.cluster.nodes()[number].me()
    }
}
