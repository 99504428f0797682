//! The cost of agreement: an empty job from submission to its verified result on nodes of one process: latency of one
//! job, throughput of overlapping jobs, and the same run without a network. Then sealing and voting alone, and the cost
//! of a job for networks of growing size.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bacalhau_compute::{ComputeConfig, ExecutionContext, Executors};
use bacalhau_daemon::Work;
use bacalhau_job::{Deal, JobId, JobSpec, JobState, Request, Resources, SignedRequest};
use bacalhau_p2p::Identity;
use bacalhau_protocol::Ballot;
use bacalhau_publisher::PublishPlaces;
use bacalhau_requester::RequesterConfig;
use bacalhau_runtime::{Job, Link, Module, Options, Outcome, Runtime};
use bacalhau_service::{
    Provider, ProviderConfig,
    embedded::{Cluster, ClusterConfig},
};
use bacalhau_simulation::{Config, simulate};
use bacalhau_storage::{Fetching, LocalStorage, Sources};
use bacalhau_verify::{AgeSeal, Content, Deterministic, Proposal, Seal, Verifier};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;

/// Number of overlapping jobs.
const PIPELINE: u64 = 200;
/// Clients that submit them; each waits until one is on disk before the next.
const CLIENTS: u64 = 8;
const PATIENCE: Duration = Duration::from_mins(1);

/// Nodes of this process, with an empty program.
struct Nodes {
    cluster: Cluster,
    module: Module,
    key: Identity,
    count: u16,
    nonce: AtomicU64,
    _dir: TempDir,
}

impl Nodes {
    fn start(count: u16) -> Self {
        let dir = TempDir::new().unwrap();
        let runtime = Runtime::new(&Options::default()).unwrap();
        let module = load_nothing(&runtime);
        let fetching = Fetching {
            max_bytes: 0,
            patience: PATIENCE,
            reach: bacalhau_http::Reach::Named,
            spool_dir: dir.path().into(),
            progress: Arc::new(|_, _| ()),
        };
        let sources = Arc::new(Sources::new(LocalStorage::default(), fetching, Vec::new()));
        let bench = Arc::new(ExecutionContext::new(runtime, sources));
        bench.preload_module(&module, None);
        let executors = Executors::new(Arc::clone(&bench));
        let all = Resources { cpu_millis: u64::MAX, memory_bytes: u64::MAX, disk_bytes: u64::MAX };
        let config = ClusterConfig {
            nodes: count,
            requester: RequesterConfig::default(),
            compute: ComputeConfig { total: all, per_job: all, ..ComputeConfig::default() },
            profiles: executors.profiles(),
        };
        let work = |number: usize, identity: &Identity, names: &[_]| {
            let provider = Provider::new(ProviderConfig {
                context: Arc::clone(&bench),
                executors: executors.clone(),
                identity: identity.clone(),
                data_dir: dir.path().join(number.to_string()),
                policy: None,
                node: None,
                publish: PublishPlaces::default(),
                here: names.iter().copied().collect(),
                keeps_results: false,
            })?;
            Ok(Arc::new(provider) as Arc<dyn Work>)
        };
        let cluster = Cluster::start(&config, work).unwrap();
        Self { cluster, module, key: Identity::ephemeral(), count, nonce: AtomicU64::new(0), _dir: dir }
    }

    fn submit(&self) -> JobId {
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed);
        let spec = JobSpec {
            timeout_seconds: 60,
            ..JobSpec::wasm("data:,", Job::new(self.module.cid()), Deal::new(self.count, 0).unwrap())
        };
        let request = Request { spec, nonce: nonce.to_string() };
        let signed = SignedRequest::sign(request, self.key.keypair()).unwrap();
        self.cluster.requester().submit(signed, vec![Vec::new()]).unwrap()
    }

    fn wait(&self, job: JobId) {
        let node = self.cluster.requester();
        assert!(node.wait(|store| !store.is_unfinished(&job).unwrap(), PATIENCE));
        assert_eq!(node.store().job(&job).unwrap().unwrap().state, JobState::Completed);
    }
}

fn load_nothing(runtime: &Runtime) -> Module {
    runtime.load(b"(module (memory (export \"memory\") 1) (func (export \"_start\")))").unwrap()
}

fn latency(c: &mut Criterion) {
    let mut group = c.benchmark_group("submit to verified");
    let dir = TempDir::new().unwrap();
    let runtime = Runtime::new(&Options::default()).unwrap();
    let module = load_nothing(&runtime);
    let job = Job::new(module.cid());
    let mut number = 0;
    group.bench_function("the run alone, to hashed results", |b| {
        b.iter(|| {
            number += 1;
            let results = dir.path().join(number.to_string());
            runtime.run(&module, &job, &BTreeMap::new(), &results, PATIENCE).unwrap()
        });
    });
    for count in [1, 3, 5] {
        let nodes = Nodes::start(count);
        group.bench_function(BenchmarkId::new("nodes", count), |b| {
            b.iter(|| {
                let job = nodes.submit();
                nodes.wait(job);
            });
        });
    }
    group.finish();
}

fn pipelined(c: &mut Criterion) {
    let mut group = c.benchmark_group("overlapping jobs");
    group.sample_size(10).throughput(Throughput::Elements(PIPELINE));
    for count in [1, 3, 5] {
        let nodes = Nodes::start(count);
        group.bench_function(BenchmarkId::new("nodes", count), |b| {
            b.iter_custom(|times| {
                let clock = Instant::now();
                for _ in 0..times {
                    let client = || {
                        let jobs: Vec<JobId> = (0..PIPELINE / CLIENTS).map(|_| nodes.submit()).collect();
                        for job in jobs {
                            nodes.wait(job);
                        }
                    };
                    std::thread::scope(|scope| {
                        for _ in 0..CLIENTS {
                            scope.spawn(client);
                        }
                    });
                }
                clock.elapsed()
            });
        });
    }
    group.finish();
}

fn seal_and_vote(c: &mut Criterion) {
    let mut group = c.benchmark_group("seal and vote");
    let (provider, requester) = (Identity::ephemeral(), Identity::ephemeral());
    let (ours, theirs) = (AgeSeal::new(provider.keypair()).unwrap(), AgeSeal::new(requester.keypair()).unwrap());
    let claim = Link::of_raw(b"claim");
    let ballot = Ballot {
        execution: "a".repeat(32).parse::<JobId>().unwrap().execution(0, 1),
        provider: provider.peer_id(),
        requester: requester.peer_id(),
        salt: ours.salt().unwrap(),
        h1: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".into(),
        claim,
        outcome: Outcome::Exit(0),
        fuel: 1,
    };
    group.bench_function("seal", |b| b.iter(|| ours.seal(black_box(&ballot)).unwrap()));
    let sealed = ours.seal(&ballot).unwrap();
    group.bench_function("open", |b| b.iter(|| theirs.open(black_box(&sealed)).unwrap()));
    for count in [3, 100] {
        let proposals: Vec<Proposal<'_>> = (1..=count)
            .map(|execution| Proposal { execution, content: Content::Vote { h1: &ballot.h1, claim } })
            .collect();
        let deal = Deal::new(count, 0).unwrap();
        group.bench_function(BenchmarkId::new("vote of", count), |b| {
            b.iter(|| Deterministic.verify(deal, black_box(&proposals)));
        });
    }
    group.finish();
}

/// The time of a whole simulation; how many messages a job took is printed.
fn growing(c: &mut Criterion) {
    let mut group = c.benchmark_group("100 jobs in a simulated network");
    group.sample_size(10);
    for nodes in [100, 300, 1000] {
        let config = Config {
            nodes,
            data_sets: 5,
            holders: 10,
            curious: 0.0,
            jobs: 100,
            submitting_ms: 600_000,
            deal: Deal::new(3, 2).unwrap().with_min_bids(3),
            keep_records: false,
            ..Config::default()
        };
        let report = simulate(&config);
        println!("{nodes} nodes: {} messages for 100 jobs", report.messages_in_all());
        group.bench_function(BenchmarkId::new("nodes", nodes), |b| b.iter(|| simulate(black_box(&config))));
    }
    group.finish();
}

criterion_group!(benches, latency, pipelined, seal_and_vote, growing);
criterion_main!(benches);
