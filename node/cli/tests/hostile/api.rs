//! Clients of the API that are slow on purpose, and receipts that lead where their readers would not go.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bacalhau_api_client::ApiClient;
use bacalhau_job::{Deal, JobSpec, JobState, Request, SignedRequest};
use bacalhau_runtime::{HostTree, Job, Link, Options, Runtime};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libp2p::identity::Keypair;
use serde_json::Value;

use bacalhau_testkit::{Lab, Node, finish, guests, until};

/// Far below what a server waits for the slow.
const AT_ONCE: Duration = Duration::from_secs(4);

/// Connections that have sent `head` and nothing after it.
fn slow(node: &Node, count: usize, head: &str) -> Vec<TcpStream> {
    let address = node.api.strip_prefix("http://").unwrap();
    let connect = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(head.replace("HOST", address).as_bytes()).unwrap();
        stream
    };
    let streams = (0..count).map(connect).collect();
    // They are all seen before anything else is asked.
    thread::sleep(Duration::from_millis(500));
    streams
}

fn hello() -> Link {
    Runtime::new(&Options::default()).unwrap().load(guests::HELLO.as_bytes()).unwrap().cid()
}

/// A job whose program is at `source`.
fn job(source: String, nonce: &str) -> (SignedRequest, Keypair) {
    let key = Keypair::generate_ed25519();
    let spec = JobSpec::wasm(source, Job::new(hello()), Deal::new(1, 1).unwrap().with_min_bids(1));
    (SignedRequest::sign(Request { spec, nonce: nonce.into() }, &key).unwrap(), key)
}

fn inline() -> String {
    format!("data:;base64,{}", STANDARD.encode(guests::HELLO))
}

#[test]
fn a_stranger_uses_an_api_that_demands_a_token() {
    let lab = Lab::new();
    let (submits, reads) = ("0123456789abcdef0", "fedcba98765432100");
    lab.write("tokens", format!("{submits}\n{reads} read\n"));
    let mode = |mode| fs::set_permissions(lab.path("tokens"), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let end =
        lab.expect(4, "serve --data-dir node --host 127.0.0.1 --swarm-port 0 --api-port 0 --api-token-file tokens");
    assert!(end.stderr.contains("chmod 600"), "{}", end.stderr);
    mode(0o600);
    let node = lab.serve("node", "--api-token-file tokens");
    let run = |token: Option<&str>, line: &str| {
        let line = format!("{line} --api-host {}", node.api);
        let mut command = lab.command_of("client", &line);
        if let Some(token) = token {
            command.env("BACALHAU_API_TOKEN", token);
        }
        finish(command, &line)
    };
    for (token, lists, runs) in
        [(None, 2, 2), (Some("another-token-of-17"), 2, 2), (Some(reads), 0, 2), (Some(submits), 0, 0)]
    {
        let (list, run) = (run(token, "list"), run(token, "wasm run hello.wat -c 1 --min-bids 1 --id-only"));
        assert_eq!((list.code, run.code), (lists, runs), "{token:?}: {} {}", list.stderr, run.stderr);
    }
    // A token that is removed from the file is rejected; a file without a token changes nothing.
    lab.write("tokens", "");
    assert_eq!(run(Some(submits), "list").code, 0);
    lab.write("tokens", format!("{reads} read\n"));
    until("the removed token is rejected", || run(Some(submits), "list").code == 2);
    assert_eq!(run(Some(reads), "list").code, 0);
    assert!(!node.log().contains(submits) && !node.log().contains(reads));
}

#[test]
fn slow_bodies_of_one_address_stop_the_api() {
    let lab = Lab::new();
    let node = lab.serve("node", "");
    let (request, key) = job(inline(), "1");
    let head =
        "POST /api/v1/jobs HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{";
    let held = slow(&node, 64, head);
    let begun = Instant::now();
    let client = ApiClient::new(&node.api, key);
    client.node().unwrap();
    client.submit(&request).unwrap();
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    drop(held);
}

#[test]
fn uploads_that_send_nothing_stop_all_uploads() {
    let lab = Lab::new();
    let node = lab.serve("node", "");
    lab.write("data", "of an honest client");
    let head = "POST /api/v1/data HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/vnd.ipld.car\r\nContent-Length: 100000\r\n\r\n";
    let held = slow(&node, 32, head);
    let begun = Instant::now();
    node.client().add_data(Arc::new(HostTree::open(&lab.path("data")).unwrap())).unwrap();
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    drop(held);
}

#[test]
fn a_job_names_a_cached_module_by_a_path_that_jobs_may_not_read() {
    let lab = Lab::new();
    lab.write("allowed/hello.wat", guests::HELLO);
    let allowed = lab.path("allowed").display().to_string();
    let node = lab.serve("node", &format!("--allow-listed-local-paths {allowed} --bidding-time 3s"));
    let end = |source: String, nonce: &str| {
        let (request, key) = job(source, nonce);
        let client = ApiClient::new(&node.api, key);
        let id = client.submit(&request).unwrap().to_string();
        let state = || client.job(&id).unwrap().record.state;
        until("the job ends", || state().is_final());
        state()
    };
    assert_eq!(end(inline(), "cached"), JobState::Completed);
    assert_eq!(end(lab.path("allowed/hello.wat").display().to_string(), "allowed"), JobState::Completed);
    for (number, path) in ["hello.wat", "nothing.wat"].into_iter().enumerate() {
        let state = end(lab.path(path).display().to_string(), &number.to_string());
        assert_ne!(state, JobState::Completed, "{path} is not below the allowed path");
    }
}

#[test]
fn a_receipt_leads_who_verifies_it_into_a_private_network() {
    let lab = Lab::new();
    lab.write("in/a", "data");
    lab.expect(0, "wasm run hello.wat -c 1 -i in:/in --output-dir out");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    thread::spawn(move || {
        for _ in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let receipt: Value = serde_json::from_str(&fs::read_to_string(lab.path("out/receipt.json")).unwrap()).unwrap();
    let url = Value::from(format!("http://127.0.0.1:{port}/admin?shutdown"));
    let mut module = receipt.clone();
    module["unclaimed"]["module_source"] = url.clone();
    let mut input = receipt;
    input["unclaimed"]["input_sources"]["/in"] = url;
    for (name, receipt) in [("module.json", module), ("input.json", input)] {
        lab.write(name, receipt.to_string());
        let end = lab.expect(4, &format!("verify {name}"));
        assert!(end.stderr.contains("add --private-addresses"), "{}", end.stderr);
        assert_eq!(connections.load(Ordering::SeqCst), 0, "{name}");
    }
    lab.expect(4, "verify input.json --private-addresses");
    until("it is asked where the user wants that", || connections.load(Ordering::SeqCst) > 0);
    // What the user names himself needs no flag.
    let end = lab.expect(4, &format!("verify module.json --module http://127.0.0.1:{port}/x.wasm"));
    assert!(!end.stderr.contains("--private-addresses"), "{}", end.stderr);
}
