//! What a container is given, and what it is kept from.

use crate::engine::{Engine, result};
use bacalhau_testkit::Lab;

#[test]
fn a_container_reads_its_inputs_writes_its_outputs_and_nothing_else() {
    let Some(engine) = Engine::shared("what containers may write") else { return };
    let lab = Lab::new();
    lab.write("in/a.txt", "hello\n");
    let script = "cat /inputs/a.txt; echo kept > /outputs/b.txt; echo scratch > /tmp/c && cat /tmp/c; echo v > /volume/d && cat /volume/d
        for place in / /bin /inputs /inputs/a.txt /etc /proc/sys/kernel /sys; do
            touch $place/x 2>/dev/null && echo wrote to $place
            echo x 2>/dev/null > $place && echo wrote $place
        done; true";
    let report = engine.report(&lab, 0, "-i ./in --output-dir out", script);
    assert_eq!(result(&lab, &report, "stdout"), "hello\nscratch\nv\n");
    assert_eq!(result(&lab, &report, "outputs/b.txt"), "kept\n");
    assert_eq!(result(&lab, &report, "exitCode"), "0");
    assert_eq!(std::fs::read_to_string(lab.path("in/a.txt")).unwrap(), "hello\n");
    assert!(!lab.path("in/x").exists());
    assert_eq!((report["verified"].as_bool(), report["executions"].as_array().unwrap().len()), (Some(true), 3));
    assert!(
        report["notes"].to_string().contains("determinism of the container is not enforced"),
        "{}",
        report["notes"]
    );
    assert_eq!(engine.containers(&lab.path(".")), [""; 0], "it is removed");
}

#[test]
fn a_container_has_no_network_no_capabilities_and_no_way_to_get_any() {
    let Some(engine) = Engine::shared("what containers are kept from") else { return };
    let lab = Lab::new();
    let script = "grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status
        grep -c : /proc/net/dev; ls /sys/class/net; ulimit -c; cat /proc/net/route | wc -l
        mknod /tmp/null c 1 3 2>/dev/null && echo made a device
        wget -q -T 2 -O - http://127.0.0.1:1234/ 2>/dev/null && echo reached somebody; ls /var/run 2>/dev/null; true";
    let report = engine.report(&lab, 0, "--output-dir out", script);
    let none = "0000000000000000";
    let expected = format!(
        "CapInh:\t{none}\nCapPrm:\t{none}\nCapEff:\t{none}\nCapBnd:\t{none}\nCapAmb:\t{none}\nNoNewPrivs:\t1\nSeccomp:\t2\n1\nlo\n0\n1\n"
    );
    assert_eq!(result(&lab, &report, "stdout"), expected);
}

#[test]
fn a_program_gets_what_it_is_told_and_the_same_on_every_node() {
    let Some(engine) = Engine::shared("what containers are told") else { return };
    let lab = Lab::new();
    let flags = "-e GREETING=hi -w /tmp -o report:/report --cpu 0.5 --memory 32m --output-dir out";
    let script = "pwd; hostname; env | grep -E '^(GREETING|HOSTNAME)=' | sort; cat /sys/fs/cgroup/memory/memory.limit_in_bytes \
                  /sys/fs/cgroup/memory.max 2>/dev/null; cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null; read x; echo \"[$x]\"";
    let report = engine.report(&lab, 0, flags, script);
    let said = result(&lab, &report, "stdout");
    assert!(said.starts_with("/tmp\nbacalhau\nGREETING=hi\nHOSTNAME=bacalhau\n33554432\n"), "{said}");
    assert!(said.ends_with("[]\n"), "standard input is empty: {said}");
    assert!(lab.path("out/results/report").is_dir() && !lab.path("out/results/outputs").exists());
    assert_eq!(report["claim"]["job"]["limits"]["memory_bytes"], 32 << 20);
    // An entry point in place of the image's, its arguments, and nothing of the image's own command.
    let mut command =
        lab.command_of("client", "docker run tiny:1 -q --output json --output-dir out2 --entrypoint /bin/echo");
    command.args(["--docker-host", &engine.host(), "a", "--", "-b"]);
    let end = bacalhau_testkit::finish(command, "an entry point");
    assert_eq!((end.code, end.stderr.as_str()), (0, ""));
    assert_eq!(std::fs::read_to_string(lab.path("out2/results/stdout")).unwrap(), "a -b\n");
}

#[test]
fn what_is_said_is_claimed_and_what_cannot_be_begun_is_refused_by_everybody() {
    let Some(engine) = Engine::shared("containers that cannot begin") else { return };
    let lab = Lab::new();
    let refusals = [
        ("-o a:/proc/a", "kernel's"),
        ("-o stdout:/a", "not usable"),
        ("-o a:/a -o b:/a/b", "overlap"),
        ("-w relative", "not an absolute path"),
        ("--memory 1k", "Minimum memory limit"),
        ("--entrypoint /no/such", "no such file or directory"),
    ];
    for (flags, words) in refusals {
        let end = engine.run(&lab, &format!("{flags} --output-dir none"), "true");
        assert!(matches!(end.code, 2 | 3) && end.stderr.contains(words), "{flags}: {} {}", end.code, end.stderr);
        assert!(!lab.path("none").exists());
    }
    assert_eq!(engine.containers(&lab.path(".")), [""; 0]);
}
