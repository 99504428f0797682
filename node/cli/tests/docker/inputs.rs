//! How inputs get into containers.

use std::process::Command;

use crate::engine::{Engine, result};
use bacalhau_testkit::{Lab, finish};

#[test]
fn what_is_here_is_shown_in_place_and_the_rest_is_written_down_first() {
    let Some(engine) = Engine::shared("inputs of containers") else { return };
    let lab = Lab::new();
    lab.write("local/sub/a", "local\n");
    lab.write("file.txt", "file\n");
    lab.write("sealed/b", "by cid\n");
    lab.write("copies/unsealed/c", "unsealed\n");
    let (stored, unsealed) = (lab.cid("sealed"), lab.cid("copies/unsealed"));
    std::fs::rename(lab.path("copies/unsealed"), lab.path("copies").join(&unsealed)).unwrap();
    let flags = format!(
        "-i local:/in/local -i file.txt:/in/file -i data:,inline:/in/inline -i {stored}:/in/stored -i {unsealed}:/in/unsealed \
         --filecoin-unsealed-path {}/copies/{{{{.Cid}}}} --data-dir maker --output-dir out",
        lab.path(".").canonicalize().unwrap().display()
    );
    // Which place of the host is mounted stands in the fourth column.
    let script = "cat /in/local/sub/a /in/file /in/stored/b /in/unsealed/c /in/inline; echo
        grep ' /in/' /proc/self/mountinfo | sort -k 5 | while read a b c root place rest; do echo $root >&2; done";
    let report = engine.report(&lab, 0, &format!("-c 1 {flags}"), script);
    assert_eq!(result(&lab, &report, "stdout"), "local\nfile\nby cid\nunsealed\ninline\n");
    let roots = result(&lab, &report, "stderr");
    let roots: Vec<&str> = roots.lines().collect();
    let ends = ["/file.txt", "/container/inputs/", "/local", "/container/inputs/", &unsealed];
    assert_eq!(roots.len(), ends.len(), "{roots:?}");
    for (root, end) in roots.iter().zip(ends) {
        assert!(root.contains(end), "{root} is not at {end}");
    }
    let inputs = &report["claim"]["job"]["inputs"];
    let hash = lab.expect(0, "hash --prefix= local").stdout;
    assert_eq!(inputs["/in/local"].as_str().unwrap(), hash.split_whitespace().next().unwrap());
    assert_eq!(inputs["/in/stored"], stored);
    assert_eq!(inputs["/in/unsealed"], unsealed);
}

#[test]
fn what_is_mounted_in_an_input_cannot_be_written_either() {
    let Some(engine) = Engine::shared("mounts in inputs of containers") else { return };
    let lab = Lab::new();
    lab.write("in/a", "a\n");
    std::fs::create_dir(lab.path("in/mounted")).unwrap();
    let mounted = lab.path("in/mounted");
    let mount = |command: &mut Command| command.output().unwrap().status.success();
    if !mount(Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(&mounted)) {
        eprintln!("skipped: mounts in inputs of containers: nothing can be mounted here");
        return;
    }
    std::fs::write(mounted.join("b"), "b\n").unwrap();
    let end = engine.run(
        &lab,
        "-i ./in -c 1 --output-dir out",
        "cat /inputs/a /inputs/mounted/b; echo x > /inputs/mounted/c",
    );
    let written = mounted.join("c").exists();
    assert!(mount(Command::new("umount").arg(&mounted)));
    assert!(!written, "{}", end.stdout);
    assert_eq!(std::fs::read_to_string(lab.path("out/results/stdout")).unwrap(), "a\nb\n", "{}", end.stderr);
}

#[test]
fn an_input_that_is_changed_meanwhile_makes_no_result() {
    let Some(engine) = Engine::shared("changing inputs of containers") else { return };
    let lab = Lab::new();
    lab.write("in/a", "before\n");
    lab.write("in/go", "");
    let command = engine.command(
        &lab,
        "-i ./in -c 1 --output-dir out",
        "cat /inputs/a; while [ -e /inputs/go ]; do sleep 0.1; done",
    );
    let lab_ref = &lab;
    let end = std::thread::scope(|scope| {
        let run = scope.spawn(move || finish(command, "a changed input"));
        bacalhau_testkit::until("the container", || engine.containers(&lab_ref.path(".")) == ["running"]);
        lab_ref.write("in/a", "after, and longer\n");
        std::fs::remove_file(lab_ref.path("in/go")).unwrap();
        run.join().unwrap()
    });
    assert!(end.code == 4 && end.stderr.contains("changed while"), "{} {}", end.code, end.stderr);
}
