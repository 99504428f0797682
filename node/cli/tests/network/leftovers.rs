//! What a node that is killed again and again leaves on its disk.

use std::fs;

use bacalhau_testkit::{Lab, guests, until};

#[test]
fn a_node_that_was_killed_often_has_only_the_executions_that_it_needs() {
    let lab = Lab::new();
    lab.write("ticks.wat", guests::ticks(2));
    let mut node = lab.serve("node", "");
    let executions = lab.path("node/executions");
    let names = || -> Vec<String> {
        fs::read_dir(&executions).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
    };
    for round in 0..6_u64 {
        let job = lab.submit(&node, "ticks.wat -c 1 --min-bids 1");
        until("it runs", || names().iter().any(|name| name.starts_with(&job)));
        // Sooner and later: while it runs, proposes, publishes, or has ended.
        std::thread::sleep(std::time::Duration::from_millis(round * 60));
        node.kill();
        node.again(&lab);
    }
    // What an earlier process was killed before it could remove.
    let stale = executions.join(format!("{}-0-1", "a".repeat(32)));
    fs::create_dir_all(stale.join("results/deep")).unwrap();
    fs::create_dir_all(executions.join(".bacalhau-tmp-abcdefabcdef/0")).unwrap();
    fs::create_dir_all(lab.path("node/results/.bacalhau-tmp-abcdefabcdef/results")).unwrap();
    fs::write(lab.path("node/downloads/.bacalhau-tmp-abcdefabcdef"), "").unwrap();
    fs::write(lab.path("node/store/pins/.bacalhau-tmp-abcdefabcdef"), "").unwrap();
    fs::write(lab.path("node/store/packs/.bacalhau-tmp-abcdefabcdef"), "").unwrap();
    fs::write(executions.join("mine"), "").unwrap();
    node.kill();
    node.again(&lab);
    until("jobs end, and what they needed goes", || names() == ["mine"]);
    let left = |dir: &str| {
        let entries = fs::read_dir(lab.path(dir)).into_iter().flatten().flatten();
        entries.filter(|it| it.file_name().to_string_lossy().starts_with('.')).count()
    };
    assert_eq!([left("node"), left("node/results"), left("node/downloads"), left("node/published")], [0, 0, 0, 0]);
    assert_eq!([left("node/store/pins"), left("node/store/packs")], [0, 0]);
}
