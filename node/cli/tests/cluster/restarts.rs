//! A front node that is killed, a controller that is away, and jobs that nobody needs any more.

use bacalhau_job::{EventKind, JobState};
use bacalhau_testkit::{Lab, until, watch::Watch};

use crate::front::count;
use crate::slurm::Slurm;

/// A program that counts to `NUMBER`.
const COUNTS: &str = r#"(module (memory (export "memory") 1)
  (func (export "_start") (local $count i64)
    loop $again
      (local.set $count (i64.add (local.get $count) (i64.const 1)))
      (br_if $again (i64.lt_u (local.get $count) (i64.const NUMBER)))
    end))"#;

#[test]
fn a_front_node_that_was_killed_finds_its_jobs_again() {
    let Some(slurm) = Slurm::start("front nodes of Slurm that are killed") else { return };
    let lab = Lab::new();
    // The worker waits for a file, so that it runs for as long as the test wants.
    let go = lab.path("go");
    let script = format!("while [ ! -e {} ]; do sleep 0.1; done\nexec \"$BACALHAU\" \"$@\"", go.display());
    let mut node = slurm.serve(&lab, "front", &slurm.program("waits", &script));
    let job = lab.submit(&node, "hello.wat -c 1 --verifier noop");
    until("the job of Slurm", || slurm.states() == ["RUNNING"]);
    node.kill();
    node.again(&lab);
    until("the job to be found again", || count(&node, "resumed") == 1);
    std::fs::write(&go, "").unwrap();
    Watch::begin(&node, &job).end(&node).assert_state(JobState::Completed);
    assert_eq!((count(&node, "submitted"), slurm.states().len()), (0, 1), "it was not submitted again");
    // Its report is there before the node is.
    std::fs::remove_file(&go).unwrap();
    let job = lab.submit(&node, "hello.wat -c 1 --verifier noop --seed 1");
    until("the second job of Slurm", || slurm.states().contains(&"RUNNING".to_owned()));
    node.kill();
    std::fs::write(&go, "").unwrap();
    until("its end", || slurm.states() == ["COMPLETED", "COMPLETED"]);
    node.again(&lab);
    Watch::begin(&node, &job).end(&node).assert_state(JobState::Completed);
    assert_eq!((slurm.states().len(), slurm.executions()), (2, 0), "it was not run again");
}

#[test]
fn jobs_that_nobody_needs_are_ended_also_while_the_node_was_away() {
    let Some(slurm) = Slurm::start("cancelled jobs of Slurm") else { return };
    let lab = Lab::new();
    lab.write("endless.wat", COUNTS.replace("NUMBER", "-1"));
    let mut node = slurm.serve(&lab, "front", "");
    let at = format!("--api-host {}", node.api);
    let job = lab.submit(&node, "endless.wat -c 1 --verifier noop");
    until("the job of Slurm", || slurm.states() == ["RUNNING"]);
    lab.expect(0, &format!("cancel {job} {at}"));
    until("the end of the job of Slurm", || slurm.states() == ["CANCELLED"]);
    assert_eq!(count(&node, "cancelled"), 1);
    // A job of a node that has lost its jobs.
    lab.submit(&node, "endless.wat -c 1 --verifier noop --seed 1");
    until("the second job of Slurm", || slurm.states().contains(&"RUNNING".to_owned()));
    node.kill();
    std::fs::remove_file(lab.path("front/jobs.redb")).unwrap();
    std::fs::remove_dir_all(lab.path("front/executions")).unwrap();
    node.again(&lab);
    until("the end of the orphan", || slurm.states() == ["CANCELLED", "CANCELLED"]);
    until("its count", || count(&node, "orphan") >= 1);
    until("an empty shared directory", || slurm.executions() == 0);
}

#[test]
fn a_job_beyond_its_timeout_is_a_failure_of_the_host_and_is_ended() {
    let Some(slurm) = Slurm::start("time-outs of jobs of Slurm") else { return };
    let lab = Lab::new();
    lab.write("endless.wat", COUNTS.replace("NUMBER", "-1"));
    let node = slurm.serve(&lab, "front", "--tries 1");
    let job = lab.submit(&node, "endless.wat -c 1 --verifier noop --timeout 8");
    let ended = Watch::begin(&node, &job).end(&node);
    ended.assert_state(JobState::Failed);
    let execution = &ended.record.shards[0].executions[0];
    let why = execution.why.as_deref().unwrap();
    assert!(execution.h1.is_none() && why.contains("took longer than 8 s"), "{why}");
    until("the end of the job of Slurm", || !slurm.states().contains(&"RUNNING".to_owned()));
}

#[test]
fn a_controller_that_is_away_for_a_while_costs_no_execution() {
    let Some(mut slurm) = Slurm::start("controllers of Slurm that are away") else { return };
    let lab = Lab::new();
    let go = lab.path("go");
    let script = format!("while [ ! -e {} ]; do sleep 0.1; done\nexec \"$BACALHAU\" \"$@\"", go.display());
    let node = slurm.serve(&lab, "front", &slurm.program("waits", &script));
    let job = lab.submit(&node, "hello.wat -c 1 --verifier noop");
    until("the job of Slurm", || slurm.states() == ["RUNNING"]);
    slurm.end_controller();
    until("the node to notice", || count(&node, "unanswered") > 0);
    let mut watch = Watch::begin(&node, &job);
    watch.until_all(EventKind::Running, 1);
    slurm.start_controller();
    std::fs::write(&go, "").unwrap();
    watch.end(&node).assert_state(JobState::Completed);
    assert!(node.log().contains("slurm does not answer: squeue"), "{}", node.log());
    assert_eq!(count(&node, "submitted"), 1);
}
