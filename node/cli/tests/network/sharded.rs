//! Jobs that are spread over shards: each is bid for, run, judged and published by itself.

use std::collections::BTreeSet;
use std::fs;

use bacalhau_job::{JobState, ShardState};

use bacalhau_testkit::{Lab, watch::Watch};

/// Writes a hash and the name of each file below `/inputs` to standard output.
const MERKLE_ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wasm-examples/modules/merkle-root.wasm");

#[test]
fn every_file_is_a_shard_of_its_own() {
    let lab = Lab::new();
    for month in ["jan", "feb", "mar"] {
        lab.write(&format!("orders/{month}.csv"), format!("month,sum\n{month},1\n"));
    }
    lab.write("orders/readme.txt", "not a shard\n");
    let stack = lab.node("stack", "devstack --nodes 3 --job-selection-data-locality anywhere");
    let sharding = "-i orders:/inputs --sharding-glob-pattern /*.csv";
    let job = lab.submit(&stack, &format!("{MERKLE_ROOT} {sharding}"));
    let ended = Watch::begin(&stack, &job).end(&stack);
    ended.assert_state(JobState::Completed);
    assert_eq!(ended.record.shards.len(), 3, "{:?}", ended.texts());
    for shard in &ended.record.shards {
        assert_eq!(shard.state, ShardState::Completed);
        assert!(shard.published.is_some());
        // Nobody waits for the third of three when two agree.
        assert!(shard.verdict.as_ref().unwrap().groups[0].executions.len() >= 2);
    }
    lab.expect(0, &format!("get {job} --api-host {} --output-dir all", stack.api));
    let outputs: Vec<_> = (0..3)
        .map(|shard| {
            let results = lab.path(&format!("all/shards/{shard}/results"));
            assert_eq!(fs::read_to_string(results.join("exitCode")).unwrap(), "0");
            assert!(lab.path(&format!("all/shards/{shard}/receipt.json")).exists());
            fs::read(results.join("stdout")).unwrap()
        })
        .collect();
    assert!(outputs[0] != outputs[1] && outputs[1] != outputs[2], "each has seen its own file");
    let shown = lab.expect(0, &format!("describe {job} --api-host {}", stack.api)).stdout;
    for shard in ["shard 0", "shard 1", "shard 2"] {
        assert!(shown.contains(shard), "{shown}");
    }
    // What each shard wrote, with its number in front.
    let expected: BTreeSet<String> = (0_u32..)
        .zip(&outputs)
        .flat_map(|(shard, output)| {
            let lines = String::from_utf8(output.clone()).unwrap();
            lines.lines().map(|line| format!("[shard {shard}] {line}")).collect::<Vec<_>>()
        })
        .collect();
    for verb in ["logs", "logs -f"] {
        let log = lab.expect(0, &format!("{verb} {job} --api-host {}", stack.api)).stdout;
        assert_eq!(log.lines().map(str::to_owned).collect::<BTreeSet<_>>(), expected, "{verb}");
    }
    let one = lab.expect(0, &format!("logs {job} --shard 1 --api-host {}", stack.api)).stdout;
    assert_eq!(one.into_bytes(), outputs[1]);
    let none = lab.expect(2, &format!("logs {job} --shard 3 --api-host {}", stack.api)).stderr;
    assert!(none.contains("the job has no shard 3: it has 3"), "{none}");
    // The same while it runs.
    let line = format!("wasm run {MERKLE_ROOT} {sharding} -f --seed 2 --output-dir live --api-host {}", stack.api);
    let log = lab.expect(0, &line).stdout;
    for line in &expected {
        assert!(log.lines().any(|there| there == line), "{line}: {log}");
    }
}

#[test]
fn a_shard_that_nobody_can_run_leaves_the_others() {
    let lab = Lab::new();
    lab.write("tables/a.csv", "small\n");
    lab.write("tables/b.csv", vec![b'x'; 4 << 20]);
    let requester = lab.serve("requester", "--compute=false --bidding-time 4s");
    // The second table does not fit on their disks.
    let flags = "--job-selection-data-locality anywhere --limit-total-disk 1MiB";
    let flags = format!("{flags} --peer {}", requester.peer);
    let _providers = [lab.serve("p", &flags), lab.serve("q", &flags)];
    let job = lab.submit(
        &requester,
        &format!("{MERKLE_ROOT} -i tables:/inputs --sharding-glob-pattern /*.csv -c 2 --min-bids 2"),
    );
    let ended = Watch::begin(&requester, &job).end(&requester);
    ended.assert_state(JobState::CompletedPartially);
    let states: Vec<_> = ended.record.shards.iter().map(|shard| shard.state).collect();
    assert_eq!(states, [ShardState::Completed, ShardState::Failed], "{:?}", ended.texts());
    let why = ended.record.shards[1].why.as_deref().unwrap();
    assert!(why.contains("bids 0/2 after 4 s"), "{why}");
    let end = lab.expect(5, &format!("get {job} --api-host {} --output-dir part", requester.api));
    assert!(lab.path("part/shards/0/results/stdout").exists(), "{}", end.stderr);
    assert!(!lab.path("part/shards/1").exists());
    let listed = lab.expect(0, &format!("list --state CompletedPartially --api-host {}", requester.api)).stdout;
    assert!(listed.contains("1/2"), "{listed}");
}

#[test]
fn shards_of_many_inputs_that_run_at_the_same_time_all_end() {
    let lab = Lab::new();
    for number in 0..24 {
        lab.write(&format!("a/{number}.txt"), vec![b'a'; 2000 + number]);
        lab.write(&format!("b/{number}/more.txt"), vec![b'b'; 3000 + number]);
    }
    let stack = lab.node("stack", "devstack --nodes 3 --job-selection-data-locality anywhere");
    // Each shard has eight inputs of its own, and is run by three nodes of one process.
    let sharding = "-i a:/inputs/a -i b:/inputs/b --sharding-glob-pattern /*/* --sharding-batch-size 8";
    let job = lab.submit(&stack, &format!("{MERKLE_ROOT} {sharding} -c 3 --min-bids 3"));
    let ended = Watch::begin(&stack, &job).end(&stack);
    ended.assert_state(JobState::Completed);
    assert_eq!(ended.record.shards.len(), 6, "{:?}", ended.texts());
}
