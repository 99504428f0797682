//! The image of the command that operators run: built by its script, and run on a real engine.

use std::path::Path;
use std::process::Command;

use bacalhau_testkit::{command::binary, finish};

use crate::engine::Engine;

const MODULE: &str = "data:,(module%20(memory%20(export%20%22memory%22)%201)%20(func%20(export%20%22_start%22)))";

#[test]
fn the_image_runs_a_job_and_serves_without_root_on_a_read_only_system() {
    let Some(engine) = Engine::own("the image of the command") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/image.sh");
    let mut build = Command::new(script);
    build.arg(binary()).arg("bacalhau:test").env("DOCKER_HOST", engine.host());
    let end = finish(build, "image.sh");
    assert_eq!(end.code, 0, "{}", end.stderr);

    let run = |args: &[&str]| {
        let confined = ["run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--tmpfs", "/tmp"];
        let flags = ["--security-opt", "no-new-privileges", "bacalhau:test"];
        engine.docker(&[&confined[..], &flags, args].concat()).unwrap()
    };
    let end = run(&["--version"]);
    assert!(end.code == 0 && end.stdout.starts_with("bacalhau "), "{}", end.stderr);
    let end = run(&["wasm", "run", MODULE, "--verifier", "deterministic", "--output-dir", "/tmp/out"]);
    assert!(end.code == 0 && end.stdout.contains("3 of 3"), "{}\n{}", end.stdout, end.stderr);

    // A node with its data in a volume, asked by a second process in the same container, as the health check does.
    let started = engine
        .docker(&[
            "run",
            "-d",
            "--network",
            "none",
            "--read-only",
            "--cap-drop",
            "ALL",
            "--tmpfs",
            "/tmp",
            "bacalhau:test",
        ])
        .unwrap();
    assert_eq!(started.code, 0, "{}", started.stderr);
    let container = started.stdout.trim();
    let mut last = String::new();
    bacalhau_testkit::until("the node in the container answers", || {
        let end = engine.docker(&["exec", container, "bacalhau", "node", "list"]).unwrap();
        last = end.stderr;
        end.code == 0
    });
    let end = engine.docker(&["stop", "--time", "60", container]).unwrap();
    assert_eq!(end.code, 0, "{last}{}", end.stderr);
    let end = engine.docker(&["inspect", "--format", "{{.State.ExitCode}} {{.Config.User}}", container]).unwrap();
    assert_eq!(end.stdout.trim(), "0 65532:65532", "it drains and ends by itself");
}
