//! Workers that fail, lie, or see other data than others.

use bacalhau_job::JobState;
use bacalhau_testkit::{Lab, until, watch::Watch};

use crate::front::count;
use crate::slurm::Slurm;

/// Hashes of all files below `/inputs`.
const MERKLE_ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wasm-examples/modules/merkle-root.wasm");

#[test]
fn a_worker_that_cannot_run_or_whose_results_are_not_those_of_its_report_has_no_vote() {
    let Some(slurm) = Slurm::start("workers of Slurm that fail") else { return };
    let run = "\"$BACALHAU\" \"$@\"; for dir; do :; done";
    for (name, script, wanted) in [
        ("missing", "exec /no/such/bacalhau \"$@\"", "has failed: FAILED (NonZeroExitCode); its log ends with:"),
        ("tampered", &format!("{run}; echo forged > \"$dir/done/results/stdout\""), "but its results have h1:"),
        ("linked", &format!("{run}; ln -s /etc/passwd \"$dir/done/results/link\""), "other than files and directories"),
        ("broken", &format!("{run}; echo x > \"$dir/done/report.cbor\""), "cannot read"),
    ] {
        let lab = Lab::new();
        let node = slurm.serve(&lab, name, &format!("--tries 1 {}", slurm.program(name, script)));
        let job = lab.submit(&node, "hello.wat -c 1 --verifier noop");
        let ended = Watch::begin(&node, &job).end(&node);
        ended.assert_state(JobState::Failed);
        let execution = &ended.record.shards[0].executions[0];
        let why = execution.why.as_deref().unwrap();
        assert!(execution.h1.is_none() && why.contains(wanted), "{name}: {why}");
    }
}

#[test]
fn a_job_that_an_administrator_cancels_is_a_failure_and_one_that_is_requeued_goes_on() {
    let Some(slurm) = Slurm::start("jobs of Slurm that are cancelled or requeued by hand") else { return };
    let lab = Lab::new();
    // The first attempt waits for its end; the second one runs.
    let seen = lab.path("seen");
    let script =
        format!("if [ -e {0} ]; then exec \"$BACALHAU\" \"$@\"; fi; while :; do sleep 0.1; done", seen.display());
    let node = slurm.serve(&lab, "front", &format!("--tries 1 {}", slurm.program("waits", &script)));
    let job = lab.submit(&node, "hello.wat -c 1 --verifier noop");
    until("the job of Slurm", || slurm.states() == ["RUNNING"]);
    slurm.administer("scancel");
    let ended = Watch::begin(&node, &job).end(&node);
    ended.assert_state(JobState::Failed);
    let execution = &ended.record.shards[0].executions[0];
    let why = execution.why.as_deref().unwrap();
    assert!(execution.h1.is_none() && why.contains("has failed: CANCELLED"), "{why}");
    let job = lab.submit(&node, "hello.wat -c 1 --verifier noop --seed 1");
    until("the second job of Slurm", || slurm.states().contains(&"RUNNING".to_owned()));
    std::fs::write(&seen, "").unwrap();
    slurm.administer("scontrol requeue");
    Watch::begin(&node, &job).end(&node).assert_state(JobState::Completed);
    assert_eq!(count(&node, "submitted"), 2);
}

#[test]
fn a_module_that_is_invalid_everywhere_is_rejected_as_on_one_machine() {
    let Some(slurm) = Slurm::start("invalid modules on workers of Slurm") else { return };
    let lab = Lab::new();
    lab.write("no-start.wat", "(module (memory (export \"memory\") 1))");
    let alone = lab.serve("alone", "");
    let front = slurm.serve(&lab, "front", "");
    let why = |node: &bacalhau_testkit::Node| {
        let line = format!("wasm run no-start.wat -c 1 --verifier noop --api-host {}", node.api);
        lab.run(&line).stderr
    };
    let (on_worker, here) = (why(&front), why(&alone));
    assert!(here.contains("_start") && on_worker.contains("_start"), "{on_worker}\n{here}");
}

#[test]
fn a_worker_with_damaged_data_is_found_as_a_node_would_be() {
    let Some(slurm) = Slurm::start("workers of Slurm that disagree") else { return };
    let lab = Lab::new();
    lab.write("data/a.txt", "right\n");
    let cid = lab.cid("data");
    for (place, text) in [("good", "right\n"), ("bad", "wrong\n")] {
        lab.write(&format!("{place}/{cid}/a.txt"), text);
    }
    let serve = |name: &str, place: &str, flags: &str| {
        let template = lab.path(place).join("{{.Cid}}");
        let flags = format!("--filecoin-unsealed-path {} --unsealed-verify never {flags}", template.display());
        slurm.serve(&lab, name, &flags)
    };
    let first = serve("a", "good", "");
    let peer = format!("--peer {}", first.peer);
    let (second, third) = (serve("b", "good", &peer), serve("c", "bad", &peer));
    let line =
        format!("wasm run {MERKLE_ROOT} -c 3 --min-bids 3 -i ipfs://{cid}:/inputs --id-only --api-host {}", first.api);
    let job = lab.expect(0, &line).stdout;
    let ended = Watch::begin(&first, job.trim()).end(&first);
    ended.assert_state(JobState::Completed);
    let shard = &ended.record.shards[0];
    let groups = &shard.verdict.as_ref().unwrap().groups;
    assert_eq!(groups.iter().map(|group| group.executions.len()).collect::<Vec<_>>(), [2, 1], "{:#?}", ended.texts());
    let faulty = groups[1].executions[0];
    let execution = shard.executions.iter().find(|execution| execution.number == faulty).unwrap();
    assert_eq!(execution.peer.to_string(), third.id);
    assert!(second.log().contains("a worker has ended an execution"), "{}", second.log());
}
