//! Backups of nodes that serve and that do not, put back after crashes at any point.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bacalhau_api::ListParams;
use bacalhau_api_client::ApiClient;
use bacalhau_job::{Deal, JobSpec, Request, SignedRequest};
use bacalhau_runtime::{Job, Options, Runtime};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libp2p::identity::Keypair;

use bacalhau_testkit::{Lab, Node, guests, until, watch::Watch};

/// Submits a job that is over soon.
fn submit(node: &Node, nonce: &str) -> String {
    let module = Runtime::new(&Options::default()).unwrap().load(guests::HELLO.as_bytes()).unwrap().cid();
    let source = format!("data:;base64,{}", STANDARD.encode(guests::HELLO));
    let spec = JobSpec::wasm(source, Job::new(module), Deal::new(1, 1).unwrap().with_min_bids(1));
    let key = Keypair::generate_ed25519();
    let request = SignedRequest::sign(Request { spec, nonce: nonce.into() }, &key).unwrap();
    ApiClient::new(&node.api, key).submit(&request).unwrap().to_string()
}

/// The jobs that a node lists.
fn jobs(node: &Node) -> BTreeSet<String> {
    let page = node.client().jobs(&ListParams { limit: Some(1000), ..ListParams::default() }).unwrap();
    page.jobs.iter().map(|job| job.id.to_string()).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn backups_of_a_busy_node_have_every_job_that_it_had_acknowledged() {
    let lab = Lab::new();
    let mut node = lab.serve("node", "");
    let id = node.id.clone();
    let first = lab.submit(&node, "hello.wat -c 1 --min-bids 1");
    Watch::begin(&node, &first).end(&node);
    lab.expect(0, &format!("get {first} --api-host {} --output-dir before", node.api));
    let (acknowledged, over) = (Mutex::new(BTreeSet::from([first.clone()])), AtomicBool::new(false));
    let known = || acknowledged.lock().unwrap().clone();
    let expected: Vec<BTreeSet<String>> = thread::scope(|scope| {
        for client in 0..2 {
            let (node, acknowledged, over) = (&node, &acknowledged, &over);
            scope.spawn(move || {
                for number in 0..200 {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let job = submit(node, &format!("{client} {number}"));
                    acknowledged.lock().unwrap().insert(job);
                }
            });
        }
        let take = |name: &'static str| {
            let (lab, known) = (&lab, &known);
            scope.spawn(move || {
                until("jobs come in", || known().len() > 4);
                let before = known();
                lab.expect(0, &format!("backup {name} --data-dir node"));
                before
            })
        };
        let taken = ["one", "two"].map(take).map(thread::ScopedJoinHandle::join);
        over.store(true, Ordering::Relaxed);
        taken.into_iter().map(Result::unwrap).collect()
    });
    let end = lab.expect(4, "restore one --data-dir node --replace");
    assert!(end.stderr.contains("is served already") || end.stderr.contains("in use"), "{}", end.stderr);
    node.kill();
    for (name, expected) in ["one", "two"].into_iter().zip(expected) {
        lab.expect(0, &format!("restore {name} --data-dir {name}-restored"));
        let restored = lab.serve(&format!("{name}-restored"), "");
        assert_eq!(restored.id, id);
        let found = jobs(&restored);
        assert!(found.is_superset(&expected), "{:?}", expected.difference(&found));
        lab.expect(0, &format!("get {first} --api-host {} --output-dir {name}-got", restored.api));
        let h1 = |dir: &str| lab.expect(0, &format!("hash {dir}/results")).stdout;
        assert_eq!(h1(&format!("{name}-got")), h1("before"));
        let state = lab.path(&format!("{name}/data"));
        assert!(names(&state).starts_with(&["identity".into(), "jobs.redb".into()]), "{:?}", names(&state));
    }
    // In place of what the node has by now: it goes on as it was then.
    lab.expect(0, "restore one --data-dir node --replace");
    node.again(&lab);
    assert_eq!(node.id, id);
}

#[test]
fn a_backup_or_its_return_that_is_killed_leaves_all_or_nothing() {
    let lab = Lab::new();
    let mut node = lab.serve("node", "");
    let job = lab.submit(&node, "hello.wat -c 1 --min-bids 1");
    Watch::begin(&node, &job).end(&node);
    lab.expect(0, &format!("get {job} --api-host {} --output-dir before", node.api));
    let killed_after = |line: &str, ms: u64| {
        let mut child = lab.command_of("unused", line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(ms));
        child.kill().unwrap();
        child.wait().unwrap();
    };
    let mut whole = 0;
    for round in 0..8 {
        killed_after(&format!("backup killed/{round} --data-dir node"), 10 + 15 * round);
        if lab.path(&format!("killed/{round}")).exists() {
            whole += 1;
            lab.expect(0, &format!("restore killed/{round} --data-dir from-{round}"));
        }
    }
    lab.expect(0, "backup killed/last --data-dir node");
    assert_eq!(names(&lab.path("killed")).len(), whole + 1, "{:?}", names(&lab.path("killed")));
    node.kill();
    // The node has died; what it left is copied from the files.
    lab.expect(0, "backup offline --data-dir node");
    for round in 0..8 {
        killed_after("restore offline --data-dir node --replace", 5 + 15 * round);
        let serve = "serve --host 127.0.0.1 --api-port 0 --swarm-port 0 --data-dir node --output json";
        let jobs = fs::metadata(lab.path("node/jobs.redb")).unwrap().len();
        if jobs == 0 {
            let end = lab.expect(4, serve);
            assert!(
                end.stderr.contains("jobs.redb is empty") && end.stderr.contains("bacalhau restore"),
                "{}",
                end.stderr
            );
        }
    }
    lab.expect(0, "restore offline --data-dir node --replace");
    node.again(&lab);
    assert!(jobs(&node).contains(&job));
    lab.expect(0, &format!("get {job} --api-host {} --output-dir after", node.api));
    assert!(names(&lab.path("node")).iter().all(|name| !name.starts_with('.')), "{:?}", names(&lab.path("node")));
}
