//! How containers end: by themselves, or at a limit.

use crate::engine::{Engine, result};
use bacalhau_testkit::Lab;

#[test]
fn exit_codes_are_results() {
    let Some(engine) = Engine::shared("exit codes of containers") else { return };
    let lab = Lab::new();
    let report = engine.report(&lab, 10, "--output-dir out", "echo a; echo b >&2; echo c > /outputs/c; exit 7");
    assert_eq!(report["claim"]["outcome"]["exit"], 7);
    let files = ["stdout", "stderr", "exitCode", "outputs/c"].map(|name| result(&lab, &report, name));
    assert_eq!(files, ["a\n", "b\n", "7", "c\n"]);
    // Killed by its own hand, which is not the limit of its memory.
    let report = engine.report(&lab, 10, "--output-dir out2", "sh -c 'kill -9 $$'; exit $?");
    assert_eq!(report["claim"]["outcome"]["exit"], 137);
    assert!(report["notes"].to_string().contains("killed (exit code 137) in each of 3 runs"), "{}", report["notes"]);
}

#[test]
fn a_limit_ends_a_container_and_everybody_says_which() {
    let Some(engine) = Engine::shared("limits of containers") else { return };
    let lab = Lab::new();
    let limits = [
        ("--log-bytes 1k", "yes", "log-bytes"),
        ("--log-bytes 1k", "yes >&2", "log-bytes"),
        (
            "--output-bytes 1m",
            "echo begun; dd if=/dev/zero of=/outputs/x bs=1M count=64 2>/dev/null; sleep 99",
            "output-bytes",
        ),
        ("--output-files 10", "for i in $(seq 20); do echo > /outputs/$i; done", "output-files"),
        ("--memory 16m", "echo begun; tail /dev/zero", "memory"),
        ("--memory 16m", "dd if=/dev/zero of=/tmp/x bs=1M count=64 2>/dev/null", "memory"),
    ];
    for (number, (flags, script, limit)) in limits.into_iter().enumerate() {
        let report = engine.report(&lab, 10, &format!("{flags} --output-dir out{number}"), script);
        let outcome = &report["claim"]["outcome"];
        assert_eq!(outcome["limit"], limit, "{script}: {outcome}");
        assert_eq!(report["verified"], true, "{script}");
        assert_eq!(result(&lab, &report, "exitCode"), "152");
        let outputs = lab.path(report["results_dir"].as_str().unwrap()).join("outputs");
        assert_eq!(std::fs::read_dir(outputs).unwrap().count(), 0, "{script}: what is there is by chance");
    }
    let said = std::fs::read_to_string(lab.path("out0/results/stdout")).unwrap();
    assert_eq!(said, "y\n".repeat(512), "what it might say is kept");
    assert_eq!(std::fs::read_to_string(lab.path("out4/results/stdout")).unwrap(), "begun\n");
    assert_eq!(engine.containers(&lab.path(".")), [""; 0]);
}

#[test]
fn processes_are_bounded_and_a_child_that_is_killed_does_not_end_the_rest() {
    let Some(engine) = Engine::shared("processes of containers") else { return };
    let lab = Lab::new();
    let script = "n=0; while [ $n -lt 3000 ]; do sleep 30 & n=$((n+1)); done 2>/dev/null; echo all";
    let end = engine.run(&lab, "-c 1 --output-dir out", script);
    assert!(!end.stdout.contains("all\\n") && end.code != 0, "{} {}", end.stdout, end.stderr);
    // Meanwhile the engine hears of it, which is only worth a note where the container ends well.
    let script = "sh -c 'tail /dev/zero' 2>/dev/null; sleep 3; echo went on";
    let report = engine.report(&lab, 0, "--memory 16m --output-dir out2", script);
    assert_eq!(result(&lab, &report, "stdout"), "went on\n");
    assert!(report["notes"].to_string().contains("killed for lack of memory"), "{}", report["notes"]);
}

#[test]
fn what_takes_too_long_is_no_result() {
    let Some(engine) = Engine::shared("the time-out of containers") else { return };
    let lab = Lab::new();
    let end = engine.run(&lab, "--timeout 1 --output-dir out", "echo begun; sleep 99");
    assert!(end.code == 4 && end.stderr.contains("longer than 1 s"), "{} {}", end.code, end.stderr);
    assert!(!lab.path("out").exists());
    assert_eq!(engine.containers(&lab.path(".")), [""; 0]);
}
