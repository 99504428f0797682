//! What a job costs in messages, and what that depends on.

use super::*;

/// A hundred jobs on data that ten nodes hold, in a network of so many nodes.
fn network(nodes: usize) -> Config {
    Config {
        seed: seed(1),
        nodes,
        first_provider: 1,
        requesters: 1,
        data_sets: 5,
        holders: 10,
        curious: 0.0,
        jobs: 100,
        submitting_ms: 600_000,
        deal: super::super::jobs::deal(3, 2, 3),
        keep_records: false,
        ..Config::default()
    }
}

#[test]
fn messages_grow_with_bids_and_not_with_nodes() {
    let per_job = |config: &Config| {
        let report = run(config);
        let bids = report.messages["bid"];
        let messages = report.messages_in_all();
        println!("{} nodes: {messages} messages, of which {bids} bids, for 100 jobs", config.nodes);
        (messages, bids)
    };
    let (few, few_bids) = per_job(&network(100));
    let (many, many_bids) = per_job(&network(1_000));
    let (crowd, crowd_bids) = per_job(&Config { holders: 40, ..network(1_000) });
    // Each holder bids once for a job, however many others there are.
    assert_eq!((few_bids, many_bids, crowd_bids), (1_000, 1_000, 4_000));
    let near = |one: u64, other: u64| one.abs_diff(other) * 20 < one;
    assert!(near(few, many), "{few} messages with 100 nodes, {many} with 1,000");
    // A bid costs itself and its answer; what runs, the same as ever.
    assert!(near(many + 2 * (crowd_bids - many_bids), crowd), "{many} messages, {crowd} with four times as many bids");
}
