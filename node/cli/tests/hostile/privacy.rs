//! Private jobs: what others get to see of them.

use std::io::{Read, Write};
use std::net::TcpStream;

use bacalhau_job::{Announced, JobId, JobState};
use bacalhau_protocol::{Message, Refusal, Reply, Wire as _};
use bacalhau_runtime::Link;
use serde_json::Value;

use crate::requester::Peer;
use bacalhau_testkit::{BOUND, Lab, Node, until};

/// An argument that is to be found nowhere.
const SECRET: &str = "an-argument-that-nobody-else-sees";

/// All that a stranger reads at `node` about `job`.
fn read_by_a_stranger(node: &Node, job: &str) -> String {
    let mut all = String::new();
    let paths = [
        format!("/api/v1/jobs/{job}"),
        format!("/api/v1/jobs/{job}/events"),
        format!("/api/v1/jobs/{job}/results"),
        format!("/api/v1/jobs/{job}/results/0"),
        format!("/api/v1/jobs/{job}/logs"),
        "/api/v1/jobs".into(),
        "/api/v1/executions".into(),
        "/api/v1/node".into(),
        "/api/v1/nodes".into(),
        "/metrics".into(),
    ];
    for path in paths {
        let mut stream = TcpStream::connect(node.api.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        all.push_str(&String::from_utf8_lossy(&bytes));
    }
    all
}

/// A requester with three providers, and somebody who listens.
struct Net {
    lab: Lab,
    nodes: Vec<Node>,
    ear: Peer,
}

impl Net {
    fn new(providers: &str) -> Self {
        let lab = Lab::new();
        let requester = lab.serve("requester", "--compute=false");
        let mut nodes = vec![requester];
        for number in 0..3 {
            let flags = format!("--requester=false --peer {} {providers}", nodes[0].peer);
            nodes.push(lab.serve(&format!("provider-{number}"), &flags));
        }
        until("all are connected", || nodes[0].client().nodes().unwrap().iter().filter(|it| it.connected).count() == 4);
        let ear = Peer::ear(&nodes[0]);
        Self { lab, nodes, ear }
    }

    fn run(&self, flags: &str, dir: &str) -> Value {
        let line = format!(
            "wasm run hello.wat -c 3 --confidence 3 --output json --output-dir {dir} --api-host {} {flags} -- {SECRET}",
            self.nodes[0].api
        );
        self.lab.expect_json(0, &line)
    }
}

#[test]
fn a_stranger_finds_neither_argument_nor_module_nor_result_of_a_private_job() {
    let net = Net::new("");
    let (public, private) = (net.run("", "public"), net.run("--private", "private"));
    let (of_public, of_private) = (&public["claim"], &private["claim"]);
    for part in ["h1", "fuel", "outcome", "job_cid"] {
        assert!(!of_private[part].is_null() && of_private[part] == of_public[part], "{part}: {private}\n{public}");
    }
    let agree = |summary: &Value| summary["shards"][0]["verdict"].clone();
    assert_eq!(agree(&private), agree(&public), "{private}\n{public}");
    let id = private["job"].as_str().unwrap();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let secrets = [
        SECRET.to_owned(),
        text(&of_private["h1"]),
        text(&of_private["job"]["module"]),
        format!("\"fuel\":{}", of_private["fuel"]),
        text(&of_private["job_cid"]),
    ];
    let finds = |what: &str, seen: &str| {
        for secret in &secrets {
            assert!(!seen.contains(secret.as_str()), "{what} shows {secret}: {seen}");
        }
    };
    // They are found where they are shown.
    let of_public = read_by_a_stranger(&net.nodes[0], public["job"].as_str().unwrap());
    for secret in &secrets[..4] {
        assert!(of_public.contains(secret.as_str()), "{secret}: {of_public}");
    }
    for node in &net.nodes {
        finds("an API", &read_by_a_stranger(node, id).replace(public["job"].as_str().unwrap(), ""));
    }
    let seen = net.nodes[0].client().job(id).unwrap();
    assert!(seen.withheld && seen.record.state == JobState::Completed, "{seen:?}");
    let job: JobId = id.parse().unwrap();
    for announcement in net.ear.heard(&job) {
        assert!(matches!(announcement.job, Announced::Brief(_)), "{announcement:?}");
        let bytes = announcement.encode().unwrap();
        finds("an announcement", &String::from_utf8_lossy(&bytes));
        assert!(!bytes.windows(32).any(|part| private_module(&private).ends_with(part)), "{announcement:?}");
    }
    let refused = Ok(Reply::Refused(Refusal::Unknown));
    assert_eq!(net.ear.ask(&net.nodes[0], &Message::Spec { job }), refused, "the job has ended");
}

#[test]
fn only_nodes_whose_bids_were_accepted_get_the_spec_of_a_private_job() {
    let lab = Lab::new();
    let requester = lab.serve("requester", "--compute=false --bidding-time 5m");
    let ear = Peer::ear(&requester);
    let submit = |flags: &str, argument: &str| -> JobId {
        let line = format!("wasm run hello.wat -c 1 --id-only --api-host {} {flags} -- {argument}", requester.api);
        lab.expect(0, &line).stdout.trim().parse().unwrap()
    };
    let private = submit("--private", SECRET);
    let large = submit("", &"x".repeat(20_000));
    ear.heard(&private);
    assert_eq!(ear.ask(&requester, &Message::Spec { job: private }), Ok(Reply::Refused(Refusal::NotYours)));
    let Ok(Reply::Spec { bytes }) = ear.ask(&requester, &Message::Spec { job: large }) else { panic!("it is public") };
    assert!(bytes.len() > 20_000);
}

#[test]
fn a_private_job_finds_the_provider_that_has_its_data_by_being_given_back() {
    let lab = Lab::new();
    lab.write("data/file", "what one provider has");
    let cid = lab.expect(0, "ipfs add -Q data --data-dir provider-2").stdout.trim().to_owned();
    let requester = lab.serve("requester", "--compute=false --bidding-time 1m");
    let flags = format!("--requester=false --peer {}", requester.peer);
    let providers: Vec<Node> = (0..3).map(|number| lab.serve(&format!("provider-{number}"), &flags)).collect();
    until("all are connected", || requester.client().nodes().unwrap().iter().filter(|it| it.connected).count() == 4);
    let line = format!("hello.wat -c 1 --min-bids 3 --private -i {cid} --output json --output-dir out");
    let summary = lab.expect_json(0, &format!("wasm run {line} --api-host {}", requester.api));
    assert_eq!(summary["claim"]["outcome"]["exit"], 0, "{summary}");
    let job = summary["job"].as_str().unwrap();
    let ran: Vec<bool> = providers.iter().map(|it| it.log().contains("execution published its results")).collect();
    assert_eq!(ran, [false, false, true], "{job}");
}

/// The bytes of the CID of a summary's module.
fn private_module(summary: &Value) -> Vec<u8> {
    let module: Link = summary["claim"]["job"]["module"].as_str().unwrap().parse().unwrap();
    module.cid().to_bytes()
}
