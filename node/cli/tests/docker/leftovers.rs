//! Containers whose command or node has gone: interrupted, or killed.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::engine::Engine;
use bacalhau_testkit::{Lab, until};

const FOR_EVER: &str = "echo begun; sleep 1000";

#[test]
fn an_interrupted_command_leaves_no_container() {
    let Some(engine) = Engine::shared("interrupted containers") else { return };
    let lab = Lab::new();
    let mut command = engine.command(&lab, "-c 2 --output-dir out", FOR_EVER);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the containers", || engine.containers(&lab.path(".")) == ["running", "running"]);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let mut status = None;
    until("its end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(130));
    assert_eq!(engine.containers(&lab.path(".")), [""; 0]);
    let left = std::fs::read_dir(lab.path(".")).unwrap();
    assert!(left.map(|entry| entry.unwrap().file_name()).all(|name| !name.to_string_lossy().starts_with(".bacalhau-")));
}

#[test]
fn what_a_killed_command_leaves_is_removed_by_the_next_and_that_of_others_is_not() {
    let Some(engine) = Engine::shared("containers of killed commands") else { return };
    let (lab, other) = (Lab::new(), Lab::new());
    let spawn = |lab: &Lab| {
        let mut command = engine.command(lab, "-c 1 --output-dir out", FOR_EVER);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let (mut killed, mut living) = (spawn(&lab), spawn(&other));
    until("the containers", || [&lab, &other].iter().all(|lab| engine.containers(&lab.path(".")) == ["running"]));
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(engine.containers(&lab.path(".")), ["running"], "nobody could end it");
    engine.report(&Lab::new(), 0, "-c 1 --output-dir out", "true");
    assert_eq!(engine.containers(&lab.path(".")), [""; 0]);
    assert_eq!(engine.containers(&other.path(".")), ["running"]);
    kill_process(Pid::from_child(&living), Signal::TERM).unwrap();
    living.wait().unwrap();
    assert_eq!(engine.containers(&other.path(".")), [""; 0]);
}
