//! What containers leave in their outputs, whatever it is.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::engine::{Engine, result};
use crate::support::Lab;

#[test]
fn outputs_are_whoever_runs_its_and_links_stay_behind() {
    let Some(engine) = Engine::shared("outputs of containers") else { return };
    let lab = Lab::new();
    let script =
        "cd /outputs; mkdir -p sub/empty closed; echo 1 > sub/a; ln sub/a twice; ln -s /etc/passwd passwd; ln -s / root
        mkfifo pipe; echo 2 > closed/b; echo 3 > 'a name, ü'; chmod 4777 sub/a; chmod 0 closed 'a name, ü'";
    let report = engine.report(&lab, 0, "--output-dir out", script);
    let names: Vec<_> = report["claim"]["files"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
    let expected =
        ["exitCode", "outputs/a name, ü", "outputs/closed/b", "outputs/sub/a", "outputs/twice", "stderr", "stdout"];
    assert_eq!(names, expected);
    assert!(lab.path("out/results/outputs/sub/empty").is_dir());
    let notes = report["notes"].to_string();
    assert!(
        notes.contains("symbolic links") && notes.contains(": 2") && notes.contains("pipes and sockets"),
        "{notes}"
    );
    for name in ["sub/a", "closed/b", "a name, ü", "twice"] {
        let metadata = fs::metadata(lab.path("out/results/outputs").join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o644, "{name}");
        assert_eq!((metadata.uid(), metadata.nlink()), (rustix::process::getuid().as_raw(), 1), "{name}");
    }
    assert_eq!(result(&lab, &report, "outputs/closed/b"), "2\n");
}

#[test]
fn results_that_no_other_machine_could_have_are_refused_and_gone() {
    let Some(engine) = Engine::shared("odd outputs of containers") else { return };
    let lab = Lab::new();
    let scripts = [
        ("touch \"/outputs/$(printf 'a\\nb')\"", r"a\nb"),
        ("touch \"/outputs/$(printf '\\377')\"", "UTF-8"),
        ("touch '/outputs/back\\slash'", "back"),
        ("cd /outputs; n=0; while [ $n -lt 400 ]; do mkdir d && cd d; n=$((n+1)); done; true", "256 deep"),
    ];
    for (script, words) in scripts {
        let end = engine.run(&lab, "-c 2 --output-dir out", script);
        assert!(end.code == 3 && end.stderr.contains(words), "{script}: {} {}", end.code, end.stderr);
    }
    let left: Vec<_> = fs::read_dir(lab.path(".")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let hidden = left.iter().filter(|name| name.to_string_lossy().starts_with(".bacalhau-")).count();
    assert_eq!(hidden, 0, "also what is deeper than paths are long is removed: {left:?}");
}
