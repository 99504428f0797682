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

/// One job that lacks bids, in a network where everybody looks at it.
fn starving(nodes: usize) -> Report {
    let deal = super::super::jobs::deal(3, 2, 3);
    run(&Config {
        seed: seed(1),
        nodes,
        first_provider: 1,
        requesters: 1,
        holders: 1,
        curious: 1.0,
        deal,
        ..Config::default()
    })
}

#[test]
fn a_job_that_lacks_bids_is_told_why_by_some_dozens_of_nodes_however_many_there_are() {
    let few = starving(6);
    let why = few.records[0].shards[0].why.as_deref().unwrap();
    assert!(why.ends_with("offered to run it; 5 nodes: 5 lack the input"), "{why}");
    assert_eq!(few.messages["decline"], 8, "twice each, as one may be lost");
    let many = starving(1_000);
    let told = many.messages["decline"];
    println!("1,000 nodes: {told} messages of nodes that do not bid");
    assert!((8..200).contains(&told), "{told}");
    let why = many.records[0].shards[0].why.as_deref().unwrap();
    assert!(why.ends_with("lack the input"), "{why}");
    // A job that finds its bids at once costs none.
    assert_eq!(run(&Config { seed: seed(1), ..Config::default() }).messages.get("decline"), None);
}
