//! What the tests ask of a node in front of a cluster.

use std::thread;
use std::time::{Duration, Instant};

use bacalhau_job::JobRecord;
use bacalhau_testkit::{BOUND, Node};

/// The counter of dispatched executions for `event`.
pub(crate) fn count(node: &Node, event: &str) -> u64 {
    let url = format!("{}/metrics", node.api);
    let text = ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap();
    let line = format!("bacalhau_dispatched_total{{event=\"{event}\"}} ");
    text.lines().find_map(|it| it.strip_prefix(&line)?.parse().ok()).unwrap()
}

/// Waits until `value` is at least `wanted`. It may take long, but not without progress.
pub(crate) fn reach(what: &str, wanted: u64, mut value: impl FnMut() -> u64) {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let now = value();
        if now >= wanted {
            return;
        }
        if now > last {
            (last, since) = (now, Instant::now());
        }
        assert!(since.elapsed() < BOUND, "{what}: {now} of {wanted}, and no progress");
        thread::park_timeout(Duration::from_millis(200));
    }
}

/// The record of a job.
pub(crate) fn record(node: &Node, job: &str) -> JobRecord {
    node.client().job(job).unwrap().record
}

/// Hashes of the results of all executions that have some.
pub(crate) fn hashes(record: &JobRecord) -> Vec<String> {
    let executions = record.shards.iter().flat_map(|shard| &shard.executions);
    executions.filter_map(|execution| execution.h1.clone()).collect()
}
