//! Several nodes, and whether their containers agree.

use serde_json::json;

use crate::engine::{Engine, result};
use bacalhau_testkit::Lab;

#[test]
fn nodes_agree_on_a_container_that_is_deterministic() {
    let Some(engine) = Engine::shared("votes on containers") else { return };
    let lab = Lab::new();
    lab.write("in/b.txt", "pear\napple\n");
    lab.write("in/a.txt", "fig\napple\n");
    let flags = "-i ./in -c 5 --confidence 5 --output-dir out";
    let report = engine.report(&lab, 0, flags, "cat /inputs/*.txt | sort > /outputs/sorted; wc -l < /outputs/sorted");
    assert_eq!(report["verified"], true);
    assert_eq!(report["verdict"]["groups"][0]["executions"], json!([1, 2, 3, 4, 5]));
    assert_eq!(result(&lab, &report, "outputs/sorted"), "apple\napple\nfig\npear\n");
    assert!(report["claim"]["h1"].as_str().unwrap().starts_with("h1:"));
}

#[test]
fn nodes_do_not_agree_on_one_that_is_not_and_there_is_no_verdict() {
    let Some(engine) = Engine::shared("votes on containers that are not deterministic") else { return };
    let lab = Lab::new();
    let report = engine.report(&lab, 5, "--output-dir out", "cat /proc/sys/kernel/random/uuid");
    assert_eq!((report["verified"].as_bool(), report["claim"].is_null()), (Some(false), true));
    assert_eq!(report["verdict"]["groups"].as_array().unwrap().len(), 3);
    // Each run's own results are kept, so that one can look where they differ.
    let said =
        [1, 2].map(|number| std::fs::read(lab.path(&format!("out/executions/{number}/results/stdout"))).unwrap());
    assert_ne!(said[0], said[1]);
    assert!(report["findings"].to_string().contains("file stdout"), "{}", report["findings"]);
}

#[test]
fn each_shard_is_a_container_of_its_own() {
    let Some(engine) = Engine::shared("shards of containers") else { return };
    let lab = Lab::new();
    for name in ["a", "b"] {
        lab.write(&format!("in/{name}.txt"), name);
    }
    let flags = "-i ./in --sharding-glob-pattern /*.txt -c 2 --output-dir out";
    let report = engine.report(&lab, 0, flags, "cat /inputs/*");
    assert_eq!((report["verified"].as_bool(), report["shards"].as_array().unwrap().len()), (Some(true), 2));
    let said =
        [0, 1].map(|shard| std::fs::read_to_string(lab.path(&format!("out/shards/{shard}/results/stdout"))).unwrap());
    assert_eq!(said, ["a", "b"]);
}
