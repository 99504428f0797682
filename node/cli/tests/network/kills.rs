//! Five nodes under load with default settings, of which one after another is killed and started again: every job ends with
//! its result, none is lost or there twice, and nothing is left of any on a disk.
//!
//! `BACALHAU_TEST_KILLS` is the number of kills, 12 unless it is set, and three jobs are submitted for every four of them. The full
//! size, 200 kills and 150 jobs:
//!
//! ```text
//! BACALHAU_TEST_KILLS=200 cargo test -p bacalhau --test network kills:: -- --nocapture
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bacalhau_api::ListParams;
use bacalhau_api_client::ApiClient;
use bacalhau_job::{Deal, JobId, JobSpec, JobState, Request, Resources, SignedRequest};
use bacalhau_runtime::{Job, Options, Runtime};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libp2p::identity::Keypair;
use rustix::process::Signal;

use bacalhau_testkit::{BOUND, Lab, Node, guests, until};

const NODES: usize = 5;
/// Jobs that are on their way at once.
const AT_ONCE: usize = 16;
/// How long a job may take: kills delay it, by a minute each at worst.
const PATIENCE: Duration = Duration::from_mins(20);

/// How many nodes are killed.
fn kills() -> usize {
    std::env::var("BACALHAU_TEST_KILLS").map_or(12, |text| text.parse().unwrap())
}

/// A job, where it was submitted and what it has to say.
struct Submitted {
    id: JobId,
    node: usize,
    ticks: usize,
}

/// The requests of one client.
struct Client {
    key: Keypair,
    programs: Vec<(String, Job)>,
}

impl Client {
    fn new() -> Self {
        let runtime = Runtime::new(&Options::default()).unwrap();
        let program = |ticks| {
            let text = guests::ticks(ticks);
            let module = runtime.load(text.as_bytes()).unwrap().cid();
            (format!("data:;base64,{}", STANDARD.encode(&text)), Job::new(module))
        };
        Self { key: Keypair::generate_ed25519(), programs: (1..=3).map(program).collect() }
    }

    /// Submits job `number` at the API `api` until that takes it. However often it is said, it is one job.
    fn submit(&self, number: usize, node: usize, api: &str) -> Submitted {
        let kind = number % self.programs.len();
        let (source, job) = &self.programs[kind];
        let spec = JobSpec {
            resources: Resources { cpu_millis: 100, memory_bytes: 64 << 20, disk_bytes: 16 << 20 },
            ..JobSpec::wasm(source.clone(), job.clone(), Deal::new(3, 2).unwrap())
        };
        let request = SignedRequest::sign(Request { spec, nonce: number.to_string() }, &self.key).unwrap();
        let client = ApiClient::new(api, self.key.clone());
        let mut id = None;
        until("a job is taken", || {
            id = client.submit(&request).ok();
            id.is_some()
        });
        Submitted { id: id.unwrap(), node, ticks: kind + 1 }
    }

    /// Waits for the end of a job, through all kills of its requester.
    fn ended(&self, job: &Submitted, api: &str) -> JobState {
        let client = ApiClient::new(api, self.key.clone());
        let since = Instant::now();
        loop {
            let state = client.job(&job.id.to_string()).map(|found| found.record.state);
            match state {
                Ok(state) if state.is_final() => return state,
                _ => thread::sleep(Duration::from_millis(200)),
            }
            assert!(since.elapsed() < PATIENCE, "job {} has not ended: {state:?}", job.id);
        }
    }
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Ports of the nodes: two for each. They are below those that other tests look for, which would take the port of a node
/// that is just being started again.
fn ports() -> Vec<u16> {
    let is_free =
        |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok() && UdpSocket::bind(("127.0.0.1", *port)).is_ok();
    let first = 5_000 + u16::try_from(std::process::id() % 100).unwrap() * 40;
    let ports: Vec<u16> = (first..first + 40).filter(is_free).take(2 * NODES).collect();
    assert_eq!(ports.len(), 2 * NODES, "ports from {first} on are taken");
    ports
}

/// Nodes that all know the first two, each at an API of its own that it keeps.
fn start(lab: &Lab) -> (Vec<Node>, Vec<String>) {
    let (mut nodes, mut apis): (Vec<Node>, Vec<String>) = (Vec::new(), Vec::new());
    for (number, ports) in ports().chunks(2).enumerate() {
        let (name, swarm, api) = (format!("node{number}"), ports[0], ports[1]);
        let peers: String = nodes.iter().take(2).map(|node| format!(" --peer {}", node.peer)).collect();
        let line = format!("serve --host 127.0.0.1 --swarm-port {swarm} --api-port {api} --data-dir {name}{peers}");
        nodes.push(lab.node(&name, &line));
        apis.push(format!("http://127.0.0.1:{api}"));
    }
    (nodes, apis)
}

#[test]
fn nodes_are_killed_again_and_again() {
    let (kills, lab) = (kills(), Lab::new());
    let jobs = kills * 3 / 4;
    let (mut nodes, apis) = start(&lab);
    let client = Client::new();
    let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let since = Instant::now();
    let submitted: Vec<(Submitted, JobState)> = thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                // While nodes are still killed there is something to do for them.
                if number >= jobs && over.load(Ordering::Relaxed) {
                    return done;
                }
                let node = number % NODES;
                let job = client.submit(number, node, &apis[node]);
                let state = client.ended(&job, &apis[node]);
                done.push((job, state));
            }
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let mut dice = Dice(1);
        for kill in 1..=kills {
            let node = dice.below(NODES);
            nodes[node].kill();
            nodes[node].again(&lab);
            thread::sleep(Duration::from_millis(u64::try_from(dice.below(500)).unwrap()));
            if kill % 20 == 0 {
                let ended = next.load(Ordering::Relaxed);
                println!("{kill} kills, {ended} jobs submitted, {} s", since.elapsed().as_secs());
            }
        }
        over.store(true, Ordering::Relaxed);
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    println!("{kills} kills, {} jobs ended, {} s", submitted.len(), since.elapsed().as_secs());
    assert!(submitted.len() >= jobs);
    every_job_ended_as_it_must(&lab, &submitted, &nodes);
    none_is_lost_or_there_twice(&submitted, &nodes);
    nothing_is_held(&lab, &nodes);
    for node in &nodes {
        node.signal(Signal::TERM);
    }
    for node in &mut nodes {
        assert_eq!(node.code(), 0, "{}", node.log());
    }
    nothing_is_left(&lab, &submitted);
}

fn every_job_ended_as_it_must(lab: &Lab, submitted: &[(Submitted, JobState)], nodes: &[Node]) {
    let failed: Vec<String> = submitted
        .iter()
        .filter(|(_, state)| *state != JobState::Completed)
        .map(|(job, state)| {
            let events = nodes[job.node].client().events(&job.id.to_string(), 0).unwrap();
            let texts: Vec<String> = events
                .iter()
                .map(|it| format!("{} {:?} {}", it.event.at_ms, it.event.execution, it.event.text))
                .collect();
            format!("{state} at node {}: {texts:#?}", job.node)
        })
        .collect();
    assert!(failed.is_empty(), "{} of {} jobs: {}", failed.len(), submitted.len(), failed.join("\n"));
    for (job, _) in submitted {
        let stdout = format!("node{}/results/{}/0/results/stdout", job.node, job.id);
        assert_eq!(fs::read_to_string(lab.path(&stdout)).unwrap(), "tick\n".repeat(job.ticks));
    }
}

fn none_is_lost_or_there_twice(submitted: &[(Submitted, JobState)], nodes: &[Node]) {
    let mut expected: BTreeMap<JobId, usize> = BTreeMap::new();
    for (job, _) in submitted {
        assert_eq!(expected.insert(job.id, job.node), None, "{} was submitted twice", job.id);
    }
    let mut found = BTreeMap::new();
    for (number, node) in nodes.iter().enumerate() {
        let mut after = None;
        loop {
            let page = node.client().jobs(&ListParams { after, ..ListParams::default() }).unwrap();
            for job in page.jobs {
                assert_eq!(found.insert(job.id, number), None, "{} is there twice", job.id);
            }
            let Some(next) = page.next else { break };
            after = Some(next.to_string());
        }
    }
    assert_eq!(found, expected);
}

/// Nodes have told each other that everything is over.
fn nothing_is_held(lab: &Lab, nodes: &[Node]) {
    for (number, node) in nodes.iter().enumerate() {
        let held = || {
            let facts = node.client().node().unwrap();
            (facts.free != facts.total).then(|| format!("{:?} of {:?} free", facts.free, facts.total))
        };
        let since = Instant::now();
        while let Some(held) = held() {
            assert!(since.elapsed() < BOUND, "node {number}: {held}:\n{}", node.log());
            thread::sleep(Duration::from_millis(100));
        }
        let executions = || names(&lab.path(&format!("node{number}/executions")));
        while !executions().is_empty() {
            assert!(since.elapsed() < BOUND, "node {number}: {:?}:\n{}", executions(), node.log());
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What is on the disks of nodes that have ended.
fn nothing_is_left(lab: &Lab, submitted: &[(Submitted, JobState)]) {
    for number in 0..NODES {
        let dir = lab.path(&format!("node{number}"));
        let mut kept: Vec<String> =
            submitted.iter().filter(|(job, _)| job.node == number).map(|(job, _)| job.id.to_string()).collect();
        kept.sort_unstable();
        assert_eq!(names(&dir.join("results")), kept, "results of node {number}");
        for place in ["executions", "downloads"] {
            assert_eq!(names(&dir.join(place)), [""; 0], "{place} of node {number}");
        }
        let temporary: Vec<String> = all_names(&dir).into_iter().filter(|name| is_temporary(name)).collect();
        assert_eq!(temporary, [""; 0], "temporary files of node {number}");
        let pins = lab.expect(0, &format!("ipfs pin ls --data-dir node{number}")).stdout;
        assert!(!pins.contains("job:"), "pins of node {number}:\n{pins}");
    }
}

fn is_temporary(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = Path::new(name).extension().unwrap_or_default();
    name.starts_with(".tmp") || name.starts_with(".bacalhau-") || extension == "tmp" || extension == "part"
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn all_names(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        names.push(entry.path().to_str().unwrap().to_owned());
        if entry.file_type().unwrap().is_dir() {
            names.extend(all_names(&entry.path()));
        }
    }
    names
}
