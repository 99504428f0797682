//! Web pages of other sites, in the browser of a user of this machine: what they may send to a node on loopback, and read of it.

mod browser;
mod page;

use std::io::{Read, Write};
use std::net::TcpStream;

use bacalhau_api::ListParams;
use bacalhau_job::{Deal, JobSpec, Request, SignedRequest};
use bacalhau_runtime::{Job, Options, Runtime};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libp2p::identity::Keypair;

use bacalhau_testkit::{BOUND, Lab, Node, guests};

/// A job as a page would bring it along: signed, by a key that the page made.
fn job() -> String {
    let module = Runtime::new(&Options::default()).unwrap().load(guests::HELLO.as_bytes()).unwrap().cid();
    let source = format!("data:;base64,{}", STANDARD.encode(guests::HELLO));
    let spec = JobSpec::wasm(source, Job::new(module), Deal::new(1, 1).unwrap().with_min_bids(1));
    let request = Request { spec, nonce: "a page".into() };
    serde_json::to_string(&SignedRequest::sign(request, &Keypair::generate_ed25519()).unwrap()).unwrap()
}

fn port(node: &Node) -> u16 {
    node.api.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// The whole answer to a request as a page's browser sends it.
fn ask(node: &Node, line: &str, headers: &[&str], body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port(node))).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    write!(stream, "{line} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}").unwrap();
    let mut answer = String::new();
    // A server that does not read the body may cut the connection after its answer.
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        answer.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    answer
}

fn is_without_jobs(node: &Node) -> bool {
    node.client().jobs(&ListParams::default()).unwrap().jobs.is_empty()
}

#[test]
fn a_page_posts_a_job_as_text() {
    let lab = Lab::new();
    let node = lab.serve("node", "");
    let host = format!("Host: 127.0.0.1:{}", port(&node));
    let (text, json) = ("Content-Type: text/plain", "Content-Type: application/json");
    let foreign = ["http://evil.example", "null", "http://localhost:8080", "http://127.0.0.1:1"];
    for origin in foreign.map(|origin| format!("Origin: {origin}")) {
        for kind in [text, json] {
            let answer = ask(&node, "POST /api/v1/jobs", &[&host, &origin, kind], &job());
            assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("api.allowed_hosts"), "{answer}");
        }
    }
    // An old browser, which does not say whose page it is.
    for kind in [text, "Content-Type: application/x-www-form-urlencoded", "X-None: 1"] {
        let answer = ask(&node, "POST /api/v1/jobs", &[&host, kind], &job());
        assert!(answer.starts_with("HTTP/1.1 415 ") && answer.contains("application/json"), "{answer}");
    }
    let answer = ask(&node, "POST /api/v1/jobs", &[&host, "Sec-Fetch-Site: cross-site", json], &job());
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(is_without_jobs(&node));
    let answer = ask(&node, "POST /api/v1/jobs", &[&host, json], &job());
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[test]
fn a_page_asks_whether_it_may_send_json() {
    let lab = Lab::new();
    let node = lab.serve("node", "");
    let host = format!("Host: 127.0.0.1:{}", port(&node));
    let asked = [
        "Origin: http://evil.example",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: content-type",
    ];
    let answer = ask(&node, "OPTIONS /api/v1/jobs", &[&host, asked[0], asked[1], asked[2]], "");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("access-control-allow"), "{answer}");
}

#[test]
fn a_name_that_is_rebound_to_loopback_reads_the_api() {
    let lab = Lab::new();
    let node = lab.serve("node", "");
    let evil = format!("Host: evil.example:{}", port(&node));
    for path in ["/api/v1/jobs", "/api/v1/node", "/api/v1/executions", "/metrics", "/healthz", "/api/v1/openapi.json"] {
        let answer = ask(&node, &format!("GET {path}"), &[&evil], "");
        assert!(answer.starts_with("HTTP/1.1 403 "), "{path}: {answer}");
        assert!(answer.contains("evil.example") && answer.contains("api.allowed_hosts"), "{answer}");
    }
    let json = "Content-Type: application/json";
    let answer = ask(&node, "POST /api/v1/jobs", &[&evil, json, "Sec-Fetch-Site: same-origin"], &job());
    assert!(answer.starts_with("HTTP/1.1 403 ") && is_without_jobs(&node), "{answer}");
    drop(node);
    let node = lab.serve("other", "--api-allowed-host jobs.example --api-allowed-host Bacalhau.Example");
    for (name, status) in
        [("jobs.example", 200), ("bacalhau.example:5", 200), ("localhost", 200), ("evil.example", 403)]
    {
        let answer = ask(&node, "GET /api/v1/node", &[&format!("Host: {name}")], "");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer}");
    }
}
