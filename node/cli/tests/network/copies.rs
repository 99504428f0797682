//! Unsealed copies that are other data than their names say: whoever has one has no vote.

use std::collections::BTreeSet;

use bacalhau_testkit::{Lab, Node};

const WORD_COUNT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wasm-examples/modules/word-count.wasm");

fn provider(lab: &Lab, name: &str, copies: &str, peer: &str) -> Node {
    let copies = lab.path(copies);
    lab.serve(name, &format!("--bidding-time 2s --filecoin-unsealed-path {}/{{{{.Cid}}}} {peer}", copies.display()))
}

#[test]
fn two_wrong_copies_do_not_outvote_a_right_one() {
    let lab = Lab::new();
    lab.write("a.txt", "to be or not to be\n");
    let cid = lab.cid("a.txt");
    lab.write(&format!("right/{cid}"), "to be or not to be\n");
    lab.write(&format!("wrong/{cid}"), "not to be\n");
    let first = provider(&lab, "0", "right", "");
    let peer = format!("--peer {}", first.peer);
    let wrong = [provider(&lab, "1", "wrong", &peer), provider(&lab, "2", "wrong", &peer)];
    let line = format!(
        "wasm run {WORD_COUNT} -i {cid}:/inputs/a.txt -c 3 --min-bids 3 --api-host {} --output json --output-dir",
        first.api
    );
    let end = lab.expect(5, &format!("{line} one"));
    assert!(end.stderr.contains("bids 1/3"), "{}", end.stderr);
    for node in &wrong {
        let log = node.log();
        let line =
            log.lines().find(|line| line.contains(" WARN ") && line.contains(&cid)).unwrap_or_else(|| panic!("{log}"));
        assert!(line.contains(&format!("wrong/{cid}")) && line.contains("is not the data of"), "{line}");
    }

    let others = [provider(&lab, "3", "right", &peer), provider(&lab, "4", "right", &peer)];
    let summary = lab.expect_json(0, &format!("{line} three"));
    assert_eq!(summary["verified"], true, "{summary}");
    let words = std::fs::read_to_string(lab.path("three/results/outputs/words.csv")).unwrap();
    assert!(words.contains("be,2"), "{words}");
    let record = first.client().job(summary["job"].as_str().unwrap()).unwrap().record;
    let bidders: BTreeSet<_> = record.shards[0].bids.iter().map(|bid| bid.peer.to_string()).collect();
    assert_eq!(bidders, others.iter().chain([&first]).map(|node| node.id.clone()).collect());

    // Nobody can prove or disprove this copy: it has no vote where the job demands that.
    lab.write("tree/a.txt", "to be\n");
    let tree = lab.cid("tree");
    lab.write(&format!("right/{tree}/a.txt"), "not to be\n");
    let line = format!("wasm run {WORD_COUNT} -i {tree}:/inputs -c 1 --min-bids 1 --api-host {}", first.api);
    let end = lab.expect(4, &format!("{line} --verified-inputs --output-dir four"));
    assert!(end.stderr.contains("the job takes verified inputs only"), "{}", end.stderr);
    lab.expect(0, &format!("{line} --verifier noop --output-dir five"));
}

#[test]
fn who_holds_a_piece_bids_on_it() {
    let lab = Lab::new();
    lab.write("texts/a.txt", "to be or not to be\n");
    let told = lab.expect_json(0, "piece texts --car texts.car --output json");
    let cid = told["piece_cid_v2"].as_str().unwrap();
    std::fs::create_dir(lab.path("pieces")).unwrap();
    std::fs::copy(lab.path("texts.car"), lab.path(&format!("pieces/{cid}"))).unwrap();
    let pieces = format!("--bidding-time 2s --piece-path {}/{{{{.PieceCid}}}}", lab.path("pieces").display());
    let first = lab.serve("0", "--bidding-time 2s");
    let holds = lab.serve("1", &format!("{pieces} --peer {}", first.peer));
    let line = format!("wasm run {WORD_COUNT} -i {cid}:/inputs -c 1 --min-bids 1 --api-host {}", first.api);
    lab.expect(0, &format!("{line} --verified-inputs --output-dir out"));
    let receipt = lab.json("out/receipt.json");
    assert_eq!(receipt["claim"]["job"]["inputs"]["/inputs"], cid);
    assert_eq!(receipt["unclaimed"]["input_services"]["/inputs"][0]["driver"], "piece");
    drop(holds);
    // Nobody else has it.
    let end = lab.expect(5, &format!("{line} --output-dir none"));
    assert!(end.stderr.contains("1 lacks the input"), "{}", end.stderr);
}
