//! Jobs go to the nodes that have the data, as unsealed copies, and to no others.

use std::collections::BTreeSet;

use bacalhau_api::ListParams;
use serde_json::Value;

use bacalhau_testkit::{Lab, Node};

const WORD_COUNT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wasm-examples/modules/word-count.wasm");

/// A node that has what lies in `copies`.
fn provider(lab: &Lab, name: &str, copies: &str, peer: &str) -> Node {
    let copies = lab.path(copies);
    let flags = format!("--bidding-time 3s --filecoin-unsealed-path {}/{{{{.Cid}}}} {peer}", copies.display());
    lab.serve(name, &flags)
}

/// Texts in the directory `texts`, a copy below each of `copies`, and their CID.
fn texts(lab: &Lab, name: &str, content: &str, copies: &[&str]) -> String {
    lab.write(&format!("{name}/a.txt"), content);
    lab.write(&format!("{name}/more/b.txt"), content.repeat(100));
    let cid = lab.cid(name);
    for copies in copies {
        lab.write(&format!("{copies}/{cid}/a.txt"), content);
        lab.write(&format!("{copies}/{cid}/more/b.txt"), content.repeat(100));
    }
    cid
}

fn bidders(node: &Node, job: &str) -> BTreeSet<String> {
    let record = node.client().job(job).unwrap().record;
    record.shards[0].bids.iter().map(|bid| bid.peer.to_string()).collect()
}

#[test]
fn jobs_run_where_their_data_is() {
    let lab = Lab::new();
    let rare = texts(&lab, "rare", "to be or not to be\n", &["some"]);
    let common = texts(&lab, "common", "all the world is a stage\n", &["some", "others"]);
    let first = provider(&lab, "0", "some", "");
    let peer = format!("--peer {}", first.peer);
    let with_data = [provider(&lab, "1", "some", &peer), provider(&lab, "2", "some", &peer)];
    let mut without = vec![provider(&lab, "3", "others", &peer), provider(&lab, "4", "others", &peer)];
    let owners: BTreeSet<_> = with_data.iter().chain([&first]).map(|node| node.id.clone()).collect();

    // By a node that has none of it.
    let asked = format!("wasm run {WORD_COUNT} -i {rare}:/inputs -c 3 --api-host {} --output json", without[0].api);
    let summary = lab.expect_json(0, &format!("{asked} --min-bids 3 --output-dir three"));
    assert_eq!(summary["verified"], true, "{summary}");
    let job = summary["job"].as_str().unwrap();
    assert_eq!(bidders(&without[0], job), owners, "only who has the data bids");
    let ran: BTreeSet<_> = summary["executions"].as_array().unwrap().iter().map(|it| text(&it["node"])).collect();
    assert_eq!(ran, owners);
    let record = without[0].client().job(job).unwrap().record;
    for execution in &record.shards[0].executions {
        let receipt = serde_json::to_value(&execution.receipt).unwrap();
        let service = &receipt["unclaimed"]["input_services"]["/inputs"][0];
        assert_eq!(service["driver"], "unsealed", "{receipt}");
        assert!(text(&service["place"]).contains(&rare), "{receipt}");
        assert_eq!(receipt["signatures"][0]["signer"], execution.peer.to_string());
    }
    let words = std::fs::read_to_string(lab.path("three/results/outputs/words.csv")).unwrap();
    assert!(words.contains("be,202"), "{words}");

    let end = lab.expect(5, &format!("{asked} --min-bids 4 --output-dir four"));
    assert!(end.stderr.contains("bids 3/4 after 3 s"), "{}", end.stderr);
    let failed = without[0].client().jobs(&ListParams::default()).unwrap();
    assert_eq!(failed.jobs.len(), 2, "the job that nobody could run is listed too");

    without.extend([provider(&lab, "5", "others", &peer), provider(&lab, "6", "others", &peer)]);
    let seven = format!("-i {common}:/inputs --verifier deterministic -c 5 --confidence 4 --min-bids 7");
    let line = format!("wasm run {WORD_COUNT} {seven} --api-host {} --output json --output-dir seven", without[3].api);
    let end = lab.expect(0, &line);
    let summary: Value = serde_json::from_str(&end.stdout).unwrap();
    assert_eq!(summary["verified"], true, "{summary}");
    assert_eq!(summary["verdict"]["groups"][0]["executions"].as_array().map(Vec::len), Some(5), "{summary}");
    assert_eq!(bidders(&without[3], summary["job"].as_str().unwrap()).len(), 7);
    for phase in ["bids 7/7", "accepted 5", "running", "proposals 5/5", "5 of 5 agree"] {
        assert!(end.stderr.contains(phase), "{phase}: {}", end.stderr);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
