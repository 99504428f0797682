//! What containers leave in their outputs, whatever it is.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;

use crate::engine::{Engine, result};
use bacalhau_testkit::{End, Lab};

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

/// A user who may do nothing but talk to the engine.
const NOBODY: u32 = 54_321;

#[test]
fn whoever_has_no_privileges_owns_what_containers_write_for_them() {
    let Some(engine) = Engine::shared("outputs of containers without privileges") else { return };
    let lab = Lab::new();
    lab.write("in/a", "1\n");
    chown(lab.path("."), Some(NOBODY), Some(NOBODY)).unwrap();
    fs::set_permissions(engine.host().trim_start_matches("unix://"), fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(engine.dir(), fs::Permissions::from_mode(0o711)).unwrap();
    let script =
        "id -u; id -g; cat /inputs/a; cd /outputs; mkdir closed; echo 2 > closed/b; echo 3 > c; chmod 0 closed c";
    let mut command = engine.command(&lab, "-i ./in --output-dir out", script);
    command.env("BACALHAU_DIR", lab.path("own")).env("BACALHAU_CACHE_DIR", lab.path("own")).uid(NOBODY).gid(NOBODY);
    let end = match command.output() {
        Ok(output) => End::from(output),
        Err(error) => {
            eprintln!(
                "skipped: outputs of containers without privileges: the program cannot be run by others: {error}"
            );
            return;
        }
    };
    assert_eq!(end.code, 0, "{}", end.stderr);
    let names = ["stdout", "outputs/closed/b", "outputs/c"];
    let read = names.map(|name| fs::read_to_string(lab.path("out/results").join(name)).unwrap());
    assert_eq!(read, [format!("{NOBODY}\n{NOBODY}\n1\n"), "2\n".into(), "3\n".into()]);
    assert_eq!(fs::metadata(lab.path("out/results/outputs/c")).unwrap().uid(), NOBODY);
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
