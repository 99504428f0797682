//! One party with many names.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use bacalhau_testkit::{Lab, Node};

/// A node whose address is in another /24 than that of others.
fn serve_at(lab: &Lab, name: &str, ip: &str, flags: &str) -> Node {
    let line = format!("serve --host {ip} --swarm-port 0 --api-port 0 --data-dir {name} {flags}");
    lab.node(name, &line)
}

/// What is known of a job that was run with `flags` and ended with `code`.
fn run(lab: &Lab, requester: &Node, code: i32, flags: &str) -> Value {
    let line = format!("wasm run hello.wat {flags} --api-host {} --output json", requester.api);
    lab.expect_json(code, &line)
}

/// The operators of the executions, and how many of these are of the party on 127.0.0.1.
fn operators(report: &Value) -> (Vec<String>, usize) {
    let executions = report["executions"].as_array().unwrap();
    let names: Vec<String> =
        executions.iter().map(|it| it["operator"]["name"].as_str().unwrap_or_default().to_owned()).collect();
    let party = names.iter().filter(|name| *name == "127.0.0.0/24").count();
    (names, party)
}

fn said(lab: &Lab, report: &Value) -> String {
    let dir = report["results_dir"].as_str().unwrap_or_default();
    fs::read_to_string(lab.path(dir).join("stdout")).unwrap_or_default()
}

#[test]
fn five_names_of_one_party_get_one_execution_and_steal_no_verdict() {
    let lab = Lab::new();
    let liars = lab.node("liars", "devstack --nodes 5 --bad-actors 5");
    let one = serve_at(&lab, "one", "127.0.2.1", "--filecoin-miner f01000");
    let two = serve_at(&lab, "two", "127.0.3.1", "");
    let peers = format!("--peer {} --peer {} --peer {}", one.peer, two.peer, liars.peer);
    let requester = serve_at(&lab, "requester", "127.0.1.1", &peers);

    for number in 0..3 {
        let flags = format!("-c 3 --confidence 2 --min-bids 4 --distinct prefix --output-dir fair-{number}");
        let report = run(&lab, &requester, 0, &flags);
        let (names, party) = operators(&report);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 3, "{report:#}");
        assert!(party <= 1, "{report:#}");
        assert_eq!((report["verified"].as_bool(), said(&lab, &report).as_str()), (Some(true), "hello\n"), "{report:#}");
    }

    // A claim that nothing proves counts for nothing, and the record says so.
    let report = run(&lab, &requester, 0, "-c 3 --min-bids 4 --distinct operator --output-dir claim");
    let id = report["job"].as_str().unwrap();
    let record = lab.expect_json(0, &format!("describe {id} --api-host {} --output json", requester.api));
    let bids = record["shards"][0]["bids"].as_array().unwrap();
    let bid = bids.iter().find(|bid| bid["peer"] == one.id.as_str()).unwrap_or_else(|| panic!("{record:#}"));
    assert_eq!(bid["operator"]["name"], "127.0.2.0/24", "{record:#}");
    let refused = bid["operator"]["refused"].as_str().unwrap_or_default();
    assert!(refused.contains("it claims to belong to f01000: this requester has no Lotus node"), "{record:#}");

    // Where names are votes, the party has its way soon.
    let stolen = (0..20).any(|number| {
        let line = format!("-c 3 --confidence 2 --min-bids 8 --distinct none --output-dir open-{number}");
        let line = format!("wasm run hello.wat {line} --api-host {} --output json", requester.api);
        let report: Value = serde_json::from_str(&lab.run_of("client", &line).stdout).unwrap_or_default();
        said(&lab, &report).contains("cheese")
    });
    assert!(stolen, "without the rule, five of eight names decide what is right");
}

#[test]
fn names_of_too_few_operators_are_no_quorum_and_the_job_says_so() {
    let lab = Lab::new();
    let liars = lab.node("liars", "devstack --nodes 4 --bad-actors 4");
    let one = serve_at(&lab, "one", "127.0.2.1", "");
    let flags = format!("--compute=false --bidding-time 5s --peer {} --peer {}", one.peer, liars.peer);
    let requester = serve_at(&lab, "requester", "127.0.1.1", &flags);
    let line = format!("wasm run hello.wat -c 3 --min-bids 3 --distinct prefix --api-host {}", requester.api);
    let end = lab.run_of("client", &line);
    assert_ne!(end.code, 0, "{}", end.stdout);
    let text = format!("{}{}", end.stdout, end.stderr);
    assert!(text.contains("5 bids of 2 operators, 3 needed after 5 s"), "{text}");
}
