//! Jobs whose numbers are larger than a provider takes, and jobs that ask for less than they use.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use bacalhau_api::ExecutionParams;
use bacalhau_api_client::ApiClient;
use bacalhau_job::{Deal, ExecutionState, JobSpec, JobState, Request, Resources, SignedRequest};
use bacalhau_runtime::{Job, Options, Runtime};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libp2p::identity::Keypair;

use bacalhau_testkit::{BOUND, Lab, Node, guests, until};

/// Computes for ever.
const ENDLESS: &str = r#"(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))"#;

/// What makes a job of another one.
type Change = fn(&mut Job, &mut JobSpec);

/// Jobs of a program.
struct Program {
    source: String,
    job: Job,
}

impl Program {
    fn of(text: &str) -> Self {
        let module = Runtime::new(&Options::default()).unwrap().load(text.as_bytes()).unwrap();
        Self { source: format!("data:;base64,{}", STANDARD.encode(text)), job: Job::new(module.cid()) }
    }

    /// Submits a job of it that is changed by `change`, and says its name.
    fn submit(&self, node: &Node, nonce: &str, change: impl Fn(&mut Job, &mut JobSpec)) -> String {
        let mut job = self.job.clone();
        let mut spec = JobSpec::wasm(self.source.clone(), job.clone(), Deal::new(1, 0).unwrap());
        change(&mut job, &mut spec);
        let spec = JobSpec { engine: JobSpec::wasm(self.source.clone(), job, spec.deal).engine, ..spec };
        let key = Keypair::generate_ed25519();
        let request = SignedRequest::sign(Request { spec, nonce: nonce.into() }, &key).unwrap();
        ApiClient::new(&node.api, key).submit(&request).unwrap().to_string()
    }
}

#[test]
fn a_job_with_a_number_above_the_providers_maximum_is_not_bid_on() {
    let lab = Lab::new();
    let requester = lab.serve("requester", "--compute=false --bidding-time 3s");
    let provider = lab.serve(
        "provider",
        &format!("--peer {} --max-job-timeout 1h --max-job-env-size 16KiB --limit-job-memory 1GiB", requester.peer),
    );
    until("both are connected", || {
        requester.client().nodes().unwrap().iter().filter(|node| node.connected).count() == 2
    });
    let program = Program::of(guests::HELLO);
    let above: [(Change, &str); 13] = [
        (
            |_, spec| spec.timeout_seconds = 3601,
            "timeout_seconds of the job is 3601, and the maximum of this node is 3600",
        ),
        (|job, _| job.limits.module_bytes = u64::MAX, "module_bytes of the job is 18446744073709551615"),
        (|job, _| job.limits.table_elements = 1 << 33, "table_elements of the job is 8589934592"),
        (|job, _| job.limits.open_files = 1 << 20, "open_files of the job is 1048576"),
        (|job, _| job.limits.output_bytes = 1 << 50, "output_bytes of the job is 1125899906842624"),
        (|job, _| job.limits.output_files = 1 << 30, "output_files of the job is 1073741824"),
        (|job, _| job.limits.log_bytes = 1 << 40, "log_bytes of the job is 1099511627776"),
        (|job, _| job.args = vec![String::new(); 5000], "the number of arguments of the job is 5000"),
        (|job, _| job.args = vec!["x".repeat(140_000)], "the size in bytes of all arguments of the job is 140001"),
        (
            |job, _| job.env = (0..2000).map(|number| (number.to_string(), String::new())).collect(),
            "the number of environment variables of the job is 2000",
        ),
        (
            |job, _| job.env = BTreeMap::from([("A".into(), "x".repeat(16_382))]),
            "the size in bytes of the environment of the job is 16385",
        ),
        (|job, _| job.limits.memory_bytes = 2 << 30, "the job needs 2147483648 bytes of memory"),
        (|_, spec| spec.resources.disk_bytes = 1 << 60, "the job needs 1152921504606846976 bytes of disk"),
    ];
    let jobs: Vec<String> = above
        .iter()
        .zip(0..)
        .map(|((change, _), nonce)| program.submit(&requester, &nonce.to_string(), change))
        .collect();
    for job in &jobs {
        until("a job has ended", || requester.client().job(job).unwrap().record.state.is_final());
        let record = requester.client().job(job).unwrap().record;
        assert_eq!(record.state, JobState::Failed);
        assert!(record.shards[0].executions.is_empty(), "{record:?}");
        let described = lab.expect(0, &format!("describe {job} --api-host {}", requester.api)).stdout;
        assert!(described.contains("1 gives one job less than it asks for"), "{described}");
    }
    let log = provider.log();
    for (job, (_, words)) in jobs.iter().zip(&above) {
        let said: Vec<&str> = log.lines().filter(|line| line.contains(job.as_str())).collect();
        let told = said.iter().any(|line| line.contains("reason=too-large") && line.contains(words));
        assert!(
            told && !said.iter().any(|line| line.contains("bid on a job") && !line.contains("no bid")),
            "{words}: {said:#?}"
        );
    }
    // It takes what is below.
    let job = program.submit(&requester, "below", |job, _| job.limits.table_elements = 10_000_000);
    until("a job that the provider takes has ended", || {
        requester.client().job(&job).unwrap().record.state == JobState::Completed
    });
}

#[test]
fn sixty_endless_programs_that_ask_for_a_thousandth_of_a_processor_run_one_on_each() {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let lab = Lab::new();
    let node = lab.serve("node", "");
    let program = Program::of(ENDLESS);
    let count = |state| {
        let params = ExecutionParams { state: Some(state), ..ExecutionParams::default() };
        node.client().executions(&params).unwrap().executions.len()
    };
    let (since, mut most) = (Instant::now(), 0);
    let mut look = || {
        most = most.max(count(ExecutionState::Running));
        assert!(most <= processors, "{most} run at once, and there are {processors} processors");
        assert!(since.elapsed() < BOUND, "{}", node.log());
    };
    for number in 0..60 {
        program.submit(&node, &number.to_string(), |job, spec| {
            job.limits.fuel = 1 << 60;
            job.limits.memory_bytes = 1 << 20;
            spec.resources = Resources { cpu_millis: 1, memory_bytes: 1, disk_bytes: 0 };
            spec.timeout_seconds = 8;
        });
        look();
    }
    while count(ExecutionState::Failed) <= processors {
        look();
        thread::sleep(Duration::from_millis(50));
    }
    assert!(most > 0);
}
