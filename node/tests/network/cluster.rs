//! A cluster of real nodes in this process, some of which cheat, and the job that they are given.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bacalhau::byzantine::{Behaviour, Cast};
use bacalhau::compute::{ComputeConfig, Executors, Workbench};
use bacalhau::embedded::{Cluster, ClusterConfig};
use bacalhau::http::Reach;
use bacalhau::job::{
    Deal, ExecutionRecord, InputSpec, JobRecord, JobSpec, PublisherKind, Request, Resources, SignedRequest,
};
use bacalhau::network::{Network, Transport};
use bacalhau::publisher::PublishPlaces;
use bacalhau::requester::RequesterConfig;
use bacalhau::service::{Provider, ProviderConfig};
use bacalhau::storage::{Fetching, LocalStorage, Sources};
use bacalhau::transport::{Budgets, Identity};
use bacalhau_runtime::{Job, Link, Options, Runtime};
use libp2p::PeerId;
use libp2p::identity::Keypair;

/// Says `hello`, and then its arguments.
pub(crate) const HELLO: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "hello\n")
  (func $say (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start")
    (call $say (i32.const 64) (i32.const 6))
    (drop (call $sizes (i32.const 16) (i32.const 20)))
    (drop (call $args (i32.const 1024) (i32.const 4096)))
    (call $say (i32.const 4096) (i32.load (i32.const 20)))))"#;

/// What it says without any: the first is its name.
pub(crate) const SAID: &str = "hello\nmain.wasm\0";

/// Longer than anything here takes on a machine that does much else beside.
pub(crate) const SOON: Duration = Duration::from_mins(2);

/// See the module.
pub(crate) struct Net {
    // First: its nodes end before their directory does.
    cluster: Cluster,
    networks: Vec<Arc<Network>>,
    providers: Vec<Arc<Provider>>,
    cast: Cast,
    module: Link,
    dir: tempfile::TempDir,
}

/// What a job asks for, beside its program.
pub(crate) struct Ask {
    pub(crate) deal: Deal,
    pub(crate) shards: usize,
    pub(crate) timeout_seconds: u64,
}

impl Ask {
    /// One shard, all of whose results are compared.
    pub(crate) fn of(concurrency: u16, confidence: u16) -> Self {
        let deal = Deal::new(concurrency, confidence).unwrap().with_min_bids(concurrency);
        Self { deal, shards: 1, timeout_seconds: 60 }
    }
}

impl Net {
    /// A node for each word of `roles`.
    pub(crate) fn of(roles: &str) -> Self {
        Self::with(roles, RequesterConfig::default(), &Budgets::default())
    }

    pub(crate) fn with(roles: &str, requester: RequesterConfig, budgets: &Budgets) -> Self {
        let cast = Cast::new(roles.split_whitespace().map(|role| role.parse().unwrap()).collect());
        let dir = tempfile::tempdir().unwrap();
        let runtime = Runtime::new(&Options::default()).unwrap();
        let module = runtime.load(HELLO.as_bytes()).unwrap();
        let fetching = Fetching {
            max_bytes: 1 << 20,
            patience: SOON,
            reach: Reach::PublicOnly,
            spool_dir: dir.path().into(),
            progress: Arc::new(|_, _| ()),
        };
        let sources = Sources::new(LocalStorage::below(Vec::new()), fetching, Vec::new());
        let bench = Arc::new(Workbench::new(runtime, Arc::new(sources)));
        let executors = Executors::new(Arc::clone(&bench));
        let cid = module.cid();
        bench.preload_module(&module);
        let all = Resources { cpu_millis: u64::MAX, memory_bytes: u64::MAX, disk_bytes: u64::MAX };
        let compute = ComputeConfig { total: all, per_job: all, ..ComputeConfig::default() };
        let nodes = u16::try_from(cast.roles().len()).unwrap();
        let providers: Vec<OnceLock<Arc<Provider>>> = cast.roles().iter().map(|_| OnceLock::new()).collect();
        let networks = Mutex::new(Vec::new());
        let work = |number: usize, identity: &Identity, names: &[PeerId]| {
            let data_dir = dir.path().join(number.to_string());
            let places = PublishPlaces { dir: data_dir.join("published"), ..PublishPlaces::default() };
            let provider = Arc::new(Provider::new(ProviderConfig {
                bench: Arc::clone(&bench),
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
            Ok(cast.work(number, provider))
        };
        let wire = |number: usize, identity: &Identity, network: Arc<Network>| {
            networks.lock().unwrap().push(Arc::clone(&network));
            cast.transport(number, identity, network).unwrap()
        };
        let config = ClusterConfig { nodes, requester, compute, profiles: executors.profiles() };
        let cluster = Cluster::start_with(&config, budgets, work, wire);
        let heard = || networks.lock().unwrap().iter().map(|network| network.peers()).collect::<Vec<_>>();
        let cluster = cluster.unwrap_or_else(|error| panic!("{error}: {:#?}", heard()));
        let providers = providers.into_iter().map(|provider| provider.into_inner().unwrap()).collect();
        Self { cluster, networks: networks.into_inner().unwrap(), providers, cast, module: cid, dir }
    }

    /// Has the cluster do a job, and says what is known of it when it has ended.
    pub(crate) fn run(&self, ask: &Ask) -> JobRecord {
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
        let ended = requester.wait(|store| !store.is_unfinished(&id).unwrap(), SOON);
        let record = requester.store().job(&id).unwrap().unwrap();
        assert!(ended, "{record:#?}");
        record
    }

    /// Runs jobs until one comes to what `wanted` says. Which nodes run one, and in which order, is drawn.
    pub(crate) fn run_until(&self, ask: &Ask, wanted: impl Fn(&JobRecord) -> bool) -> JobRecord {
        let record = (0..30).map(|_| self.run(ask)).find(|record| wanted(record));
        record.unwrap_or_else(|| panic!("30 draws, and never what is looked for"))
    }

    /// What a node of the cluster does.
    pub(crate) fn role_of(&self, peer: &PeerId) -> Behaviour {
        self.cast.roles()[self.number_of(peer)]
    }

    fn number_of(&self, peer: &PeerId) -> usize {
        self.cluster.nodes().iter().position(|node| node.me() == *peer).unwrap()
    }

    /// The executions of the first shard by nodes that do so.
    pub(crate) fn by<'a>(&self, role: Behaviour, record: &'a JobRecord) -> Vec<&'a ExecutionRecord> {
        record.shards[0].executions.iter().filter(|execution| self.role_of(&execution.peer) == role).collect()
    }

    /// What the program said, by the results that the requester has collected.
    pub(crate) fn result(&self, record: &JobRecord) -> String {
        fs::read_to_string(self.providers[0].collected(&record.job.id, 0).join("stdout")).unwrap()
    }

    /// How many results directories the node has made public.
    pub(crate) fn published_by(&self, peer: &PeerId) -> usize {
        let dir: PathBuf = self.dir.path().join(self.number_of(peer).to_string()).join("published");
        fs::read_dir(dir).map_or(0, Iterator::count)
    }

    /// The networks of the nodes, as they are before anybody bends what is said.
    pub(crate) fn networks(&self) -> &[Arc<Network>] {
        &self.networks
    }

    pub(crate) fn peer(&self, number: usize) -> PeerId {
        self.cluster.nodes()[number].me()
    }
}

/// Waits until it is so.
pub(crate) fn until(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
