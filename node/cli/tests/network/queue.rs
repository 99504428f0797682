//! A busy node: jobs wait for it, say that they do, and are bounded.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use bacalhau_job::{EventKind, JobState};

use bacalhau_testkit::{Lab, watch::Watch};

/// A program that takes longer than the time for bids in these tests.
const COUNTS: &str = r#"(module (memory (export "memory") 1)
  (func (export "_start") (local $count i64)
    loop $again
      (local.set $count (i64.add (local.get $count) (i64.const 1)))
      (br_if $again (i64.lt_u (local.get $count) (i64.const 1500000000)))
    end))"#;

#[test]
fn eight_jobs_on_a_node_with_two_processors_all_run() {
    let lab = Lab::new();
    lab.write("counts.wat", COUNTS);
    let node = lab.serve("node", "--limit-total-cpu 2 --bidding-time 1s");
    let jobs: Vec<String> =
        (0..8).map(|seed| lab.submit(&node, &format!("counts.wat --verifier noop --seed {seed}"))).collect();
    let ended: Vec<_> = jobs.iter().map(|job| Watch::begin(&node, job).end(&node)).collect();
    for job in &ended {
        job.assert_state(JobState::Completed);
    }
    let queued = |text: &&str| text.starts_with("queued: ");
    let waited = ended.iter().filter(|job| job.texts().iter().any(queued)).count();
    assert!(waited > 0, "none waited longer than for bids");
}

#[test]
fn a_job_that_waits_says_its_place_and_more_jobs_than_may_wait_are_refused_for_now() {
    let lab = Lab::new();
    lab.write("endless.wat", COUNTS.replace("1500000000", "-1"));
    let node = lab.serve("node", "--limit-total-cpu 1 --bidding-time 1s --client-queued-jobs 1");
    let at = format!("--api-host {}", node.api);
    let runs = lab.submit(&node, "endless.wat --verifier noop");
    let mut watch = Watch::begin(&node, &runs);
    watch.until("the run", |event| event.kind == EventKind::Running);
    let waits = lab.submit(&node, "hello.wat --verifier noop");
    let mut watch = Watch::begin(&node, &waits);
    watch.until("its place", |event| event.text.starts_with("queued: 1 of 1 providers is busy, next try in "));
    for line in [format!("list {at}"), format!("describe {waits} {at}")] {
        let shown = lab.expect(0, &line).stdout;
        assert!(shown.contains("queued: 1 of 1 providers is busy"), "{line}: {shown}");
    }
    // The command is told to come back, and does.
    let mut command = lab.command(&format!("wasm run hello.wat --verifier noop --id-only {at}"));
    let mut another = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(another.stderr.take().unwrap()).lines().map_while(Result::ok);
    let refused = lines.into_iter().find(|line| line.contains("is busy")).unwrap();
    assert!(refused.contains("the maximum is 1 (requester.client_queued_jobs)"), "{refused}");
    // The node names 11 s, to which the command adds up to as much, so that clients do not return together.
    let pause: f64 = refused.rsplit("retrying in ").next().unwrap().trim_end_matches(" s").parse().unwrap();
    assert!((11.0..=22.0).contains(&pause), "after the time that the node names: {refused}");
    lab.expect(0, &format!("cancel {runs} {at}"));
    assert!(another.wait().unwrap().success());
    Watch::begin(&node, &waits).end(&node).assert_state(JobState::Completed);
}

#[test]
fn a_job_waits_no_longer_than_its_client_wants() {
    let lab = Lab::new();
    lab.write("endless.wat", COUNTS.replace("1500000000", "-1"));
    let node = lab.serve("node", "--limit-total-cpu 1 --bidding-time 1s");
    let runs = lab.submit(&node, "endless.wat --verifier noop");
    Watch::begin(&node, &runs).until("the run", |event| event.kind == EventKind::Running);
    let line = format!("wasm run hello.wat --verifier noop --queue-timeout 3s --api-host {}", node.api);
    let end = lab.expect(5, &line);
    assert!(end.stderr.contains("wait longer with --queue-timeout"), "{}", end.stderr);
}
