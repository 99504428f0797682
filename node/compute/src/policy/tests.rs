//! The table of the original, with real files, a real web server and real processes.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_receipt::Job;
use bacalhau_runtime::{Options, Runtime};
use bacalhau_tree::Link;
use libp2p_identity::Keypair;

use super::*;
use crate::job_inputs::job_inputs;
use crate::{ExecutionContext, Executors};
use bacalhau_http::Reach;
use bacalhau_job::{Deal, InputSpec, JobId, JobSpec, Request, Requester, SignedRequest};
use bacalhau_storage::{Fetching, LocalStorage};
use bacalhau_testkit::server::{TestServer, respond};

/// The sandbox, with nothing compiled yet.
pub(crate) fn executors(sources: &Arc<Sources>) -> Executors {
    let runtime = Runtime::new(&Options::default()).unwrap();
    Executors::new(Arc::new(ExecutionContext::new(runtime, Arc::clone(sources))))
}

fn peer() -> PeerId {
    Keypair::generate_ed25519().public().to_peer_id()
}

/// A job over `inputs`, in one shard.
pub(crate) fn job(module: Link, module_source: &str, inputs: &[(&str, &str)]) -> AnnouncedJob {
    let inputs = inputs.iter().map(|(source, target)| InputSpec { source: (*source).into(), target: (*target).into() });
    let inputs: Vec<InputSpec> = inputs.collect();
    let spec = JobSpec {
        inputs: inputs.clone(),
        timeout_seconds: 60,
        ..JobSpec::wasm(module_source, Job::new(module), Deal::new(1, 0).unwrap())
    };
    let request = SignedRequest::sign(Request { spec, nonce: "1".into() }, &Keypair::generate_ed25519()).unwrap();
    let requester = Requester { peer: peer(), addrs: Vec::new() };
    let id = JobId::of(&request, &requester.peer);
    AnnouncedJob { id, request, requester, shards: vec![inputs], created_ms: 0, bidding_ms: 30_000, fair: None }
}

/// Sources of this machine, and nobody to ask.
pub(crate) fn sources(local: LocalStorage) -> Arc<Sources> {
    let fetching = Fetching {
        max_bytes: 1 << 20,
        patience: Duration::from_secs(10),
        reach: Reach::Named,
        spool_dir: std::env::temp_dir(),
        progress: Arc::new(|_, _| ()),
    };
    Arc::new(Sources::new(local, fetching, Vec::new()))
}

#[test]
fn jobs_are_selected_as_the_settings_say() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("here"), "hello").unwrap();
    let here = dir.path().join("here").display().to_string();
    let with = |inputs: &[(&str, &str)]| job(Link::of_raw(b""), "https://example.org/module.wasm", inputs);
    let stateless = with(&[]);
    let local = with(&[(&here, "/a"), ("data:,x", "/b")]);
    let missing = with(&[(&here, "/a"), ("https://example.org/b", "/b")]);
    let sources = sources(LocalStorage::below(vec![dir.path().into()]));
    let table = [
        (Locality::Local, true, &stateless, false),
        (Locality::Local, false, &stateless, true),
        (Locality::Local, true, &local, true),
        (Locality::Local, false, &missing, false),
        (Locality::Anywhere, false, &local, true),
        (Locality::Anywhere, false, &missing, true),
        (Locality::Anywhere, true, &stateless, false),
    ];
    for (locality, reject_stateless, job, wanted) in table {
        let policy = Policy { locality, reject_stateless, ..Policy::default() };
        let selected = policy.select(&peer(), job, &job_inputs(job, &sources), &sources);
        assert_eq!(selected.is_ok(), wanted, "{locality:?} {reject_stateless} {:?}: {selected:?}", job.shards);
    }
}

#[test]
fn probes_are_asked_besides_the_settings() {
    let server = TestServer::start(|_, stream| respond(stream, "200 OK", &[], b""));
    let yes = || vec![Probe::Http(server.url("/")), Probe::Exec("exit 0".into())];
    let no = || vec![Probe::Exec("exit 1".into())];
    let select = |reject_stateless, probes| {
        let policy = Policy { reject_stateless, probes, ..Policy::default() };
        let job = job(Link::of_raw(b""), "data:,x", &[]);
        let sources = sources(LocalStorage::default());
        policy.select(&peer(), &job, &job_inputs(&job, &sources), &sources).map(|_| job.id.to_string())
    };
    let id = select(false, yes()).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&server.asked()[0].body).unwrap();
    assert_eq!(body["job_id"], id.as_str());
    assert_eq!(body["execution_plan"]["shards_total"], 1);
    assert_eq!(select(false, no()).unwrap_err().reason, DeclineReason::Policy);
    let declined = select(true, yes()).unwrap_err();
    assert!(declined.why.contains("no inputs"), "a yes of a probe is no order: {declined:?}");
}

#[test]
fn a_selector_is_compared_with_the_labels_of_the_node_also_where_only_the_brief_is_known() {
    let sources = sources(LocalStorage::default());
    let labels = vec![("zone".to_owned(), "a".to_owned()), ("gpu".to_owned(), "yes".to_owned())];
    let policy = Policy { labels, ..Policy::default() };
    for (selector, matches) in [("zone=a,gpu", true), ("zone in (b,c)", false), ("zone=a,!gpu", false)] {
        let mut job = job(Link::of_raw(b""), "data:,x", &[]);
        job.request.request.spec.selector = bacalhau_job::parse_selector(selector).unwrap();
        let selected = policy.select(&peer(), &job, &job_inputs(&job, &sources), &sources).map(drop);
        let brief = policy.select_brief(&JobBrief::of(&job, &job.to_dag_cbor()));
        assert_eq!((selected.is_ok(), brief.is_ok()), (matches, matches), "{selector}");
        if let Err(declined) = selected {
            assert_eq!(declined.reason, DeclineReason::NoLabel);
            assert!(declined.why.contains("node.labels"), "{declined:?}");
        }
    }
}

#[test]
fn a_stranger_does_not_learn_which_files_are_here() {
    let sources = sources(LocalStorage::below(Vec::new()));
    let why = |path: &str| {
        let job = job(Link::of_raw(b""), "data:,x", &[(path, "/a")]);
        Policy::default()
            .select(&peer(), &job, &job_inputs(&job, &sources), &sources)
            .unwrap_err()
            .why
            .replace(path, "PATH")
    };
    assert_eq!(why("/etc/passwd"), why("/no/such/file"));
    assert_eq!(why("Cargo.toml"), why("no-such-file"));
}

#[test]
fn who_asks_for_more_time_than_the_node_gives_is_refused() {
    let job = job(Link::of_raw(b""), "data:,x", &[]);
    let select = |timeout_seconds| {
        let maxima = Maxima { timeout_seconds, ..Maxima::default() };
        let policy = Policy { locality: Locality::Anywhere, maxima, ..Policy::default() };
        let sources = sources(LocalStorage::default());
        policy.select(&peer(), &job, &job_inputs(&job, &sources), &sources)
    };
    assert_eq!(select(60), Ok(vec![true]));
    let why = "timeout_seconds of the job is 60, and the maximum of this node is 59 (compute.max_timeout)";
    assert_eq!(select(59), Err(Declined::new(DeclineReason::TooLarge, why)));
}

#[test]
fn shards_whose_inputs_are_here_are_wanted_and_others_are_not() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("here"), "hello").unwrap();
    let (here, there) = (dir.path().join("here").display().to_string(), "https://example.org/there");
    let mut job = job(Link::of_raw(b""), "data:,x", &[(&here, "/in")]);
    let mut elsewhere = job.shards[0].clone();
    elsewhere[0].source = there.into();
    job.shards.push(elsewhere);
    let sources = sources(LocalStorage::default());
    let select = |job: &AnnouncedJob| Policy::default().select(&peer(), job, &job_inputs(job, &sources), &sources);
    assert_eq!(select(&job), Ok(vec![true, false]));
    job.shards.remove(0);
    let why = format!("{there} is not on this machine");
    assert_eq!(select(&job), Err(Declined::new(DeclineReason::NoInput, why)));
}
