//! Temporary files and directories whose owner lives, ends, is interrupted or was killed.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_has_an_owner_stays_and_what_was_left_goes() {
    let dir = tempfile::tempdir().unwrap();
    let (owned_dir, mut owned_file) = (dir_in(dir.path()).unwrap(), file_in(dir.path()).unwrap());
    fs::write(owned_dir.path().join("x"), "").unwrap();
    owned_file.write_all(b"x").unwrap();
    assert!(live().contains(&owned_dir.path().to_path_buf()));
    for name in ["left", "left-too"] {
        fs::create_dir_all(dir.path().join(format!("{PREFIX}{name}/deep/er"))).unwrap();
        fs::write(dir.path().join(format!("{PREFIX}{name}-file")), "").unwrap();
    }
    let others = [".bacalhau-abcdef", ".bacalhau-run-abcdef", "results", ".tmpabcdef"];
    for name in &others {
        fs::write(dir.path().join(name), "").unwrap();
    }
    std::os::unix::fs::symlink("results", dir.path().join(format!("{PREFIX}link"))).unwrap();
    assert_eq!(sweep(dir.path()), 4);
    assert_eq!(sweep(dir.path()), 0);
    assert!(owned_dir.path().join("x").exists() && owned_file.path().exists());
    let path = owned_dir.path().to_path_buf();
    owned_file.persist(&dir.path().join("kept")).unwrap();
    drop(owned_dir);
    assert!(!live().contains(&path));
    let mut expected: Vec<String> = others.iter().map(ToString::to_string).collect();
    expected.extend(["kept".into(), format!("{PREFIX}link")]);
    expected.sort();
    assert_eq!(names(dir.path()), expected);
    // A directory is swept only once when something is made in it.
    fs::write(dir.path().join(format!("{PREFIX}late")), "").unwrap();
    drop(file_in(dir.path()).unwrap());
    assert!(dir.path().join(format!("{PREFIX}late")).exists());
}

#[test]
fn what_another_user_owns_or_can_write_is_not_removed() {
    let dir = tempfile::tempdir().unwrap();
    let left = |name: &str| {
        let path = dir.path().join(format!("{PREFIX}{name}"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("kept"), "").unwrap();
        path
    };
    let (open, others) = (left("open"), left("others"));
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    // Only root can give a directory away; where the test is not root, the first half is tested.
    let given = std::os::unix::fs::chown(&others, Some(12_345), None).is_ok();
    sweep(dir.path());
    assert!(open.join("kept").exists());
    assert_eq!(others.join("kept").exists(), given);
    // What the sweep would have followed into: a directory of another user's, by a link of that user's.
    let made = dir_in(dir.path()).unwrap();
    assert_eq!(fs::metadata(made.path()).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Not a test by itself: makes temporaries in a directory of the environment until it is killed.
#[test]
fn make_until_killed() {
    let Some(dir) = std::env::var_os("BACALHAU_TEST_TEMPORARY_DIR").map(PathBuf::from) else { return };
    let mut held = Vec::new();
    loop {
        let made = dir_in(&dir).unwrap();
        fs::write(made.path().join("x"), "").unwrap();
        held.push((made, file_in(&dir).unwrap()));
        if held.len() > 20 {
            held.remove(0);
        }
    }
}

#[test]
fn a_killed_process_leaves_what_the_next_one_removes_and_living_ones_keep_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "temporary::tests::make_until_killed"]).env("BACALHAU_TEST_TEMPORARY_DIR", dir.path());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let begun = std::time::Instant::now();
    let (mut dead, mut living) = (start(), start());
    while names(dir.path()).len() < 60 {
        assert!(begun.elapsed().as_secs() < 60, "they do not work: {:?} {:?}", dead.try_wait(), living.try_wait());
    }
    dead.kill().unwrap();
    dead.wait().unwrap();
    // Sweeps go on while temporaries are made: none is removed from under its owner, who would stop at that.
    let swept: usize = (0..200).map(|_| sweep(dir.path())).sum();
    assert!(swept >= 20, "{swept}");
    assert!(living.try_wait().unwrap().is_none(), "what it owned was removed");
    living.kill().unwrap();
    living.wait().unwrap();
    sweep(dir.path());
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn threads_that_make_and_threads_that_sweep_do_not_meet() {
    let dir = tempfile::tempdir().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                sweep(dir.path());
            }
        });
        for _ in 0..500 {
            let made = dir_in(dir.path()).unwrap();
            fs::write(made.path().join("x"), "").unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(names(dir.path()), [""; 0]);
}
