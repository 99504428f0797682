//! The unit for systemd in `dist`: a node works under its filter of system calls, and tells the service manager how it does.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::Duration;

use bacalhau_job::JobState;
use rustix::process::Signal;

use bacalhau_testkit::{BOUND, Lab, Node, command::binary, finish, watch::Watch};

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist/bacalhau.service");
const FILTERED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/network/filtered.py");
/// Larger than what is compiled before it runs: a thread of low priority compiles it again.
const LARGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wasm-examples/modules/thumbnails.wasm");
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wasm-examples/data/pictures/tests");
/// `filtered.py`: this machine lacks something.
const LACKING: i32 = 77;

/// `command` under the filter of the unit, without the calls in `denied`.
fn filtered(denied: &str, command: &Command) -> Command {
    let mut filtered = Command::new("python3");
    filtered.args([FILTERED, UNIT, denied]).arg(command.get_program()).args(command.get_args());
    filtered.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    filtered.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    if let Some(dir) = command.get_current_dir() {
        filtered.current_dir(dir);
    }
    filtered
}

/// Whether there is a filter, and it answers `EPERM`. A machine without the means says what they are.
fn filters() -> bool {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: this machine lacks python3");
        return false;
    }
    let mut command = Command::new("python3");
    command.args(["-c", "import os; os.sched_setaffinity(0, os.sched_getaffinity(0))"]);
    let end = finish(filtered("", &command), "sched_setaffinity");
    if end.code == LACKING {
        eprintln!("skipped: {}", end.stderr);
        return false;
    }
    assert!(end.stderr.contains("PermissionError"), "{end:?}: what the filter denies has to be an error");
    true
}

/// A node under the filter, which runs programs with and without a probe of its operator's.
fn serve(lab: &Lab, denied: &str) -> Node {
    let line = "serve --host 127.0.0.1 --swarm-port 0 --api-port 0 --data-dir node --output json --ipfs-connect none \
                --job-selection-data-locality anywhere --job-selection-probe-exec true";
    Node::start(filtered(denied, &lab.command_of("unused", line)), line.into(), lab.path("node.log"))
}

/// Has a module of more than 256 KiB run, its results published, and fetches them.
fn whole_job(lab: &Lab, node: &Node, argument: &str, dir: &str) {
    let line = format!(
        "wasm run {LARGE} -i {PICTURES}:/inputs -c 1 -p ipfs,local --api-host {} --output json --output-dir {dir} -- {argument}",
        node.api
    );
    let summary = lab.expect_json(0, &line);
    let job = summary["job"].as_str().unwrap();
    let ended = Watch::begin(node, job).end(node);
    ended.assert_state(JobState::Completed);
    let shard = &ended.record.shards[0];
    let published = &shard.executions[usize::from(shard.published.unwrap()) - 1].publications;
    assert_eq!(published.len(), 2, "{published:?}");
    assert!(lab.path(dir).join("results/stdout").exists());
}

#[test]
fn a_node_works_under_the_filter_of_the_unit() {
    if !filters() {
        return;
    }
    let lab = Lab::new();
    // Where not even the priority may be lowered.
    let mut node = serve(&lab, "setpriority");
    whole_job(&lab, &node, "--size=32", "first");
    node.kill();
    // Again, by what the first left on the disk.
    drop(node);
    let mut node = serve(&lab, "");
    whole_job(&lab, &node, "--size=33", "second");
    node.signal(Signal::TERM);
    assert_eq!(node.code(), 0, "{}", node.log());
}

/// A node whose service manager listens at `name`, and what is heard there until it ends.
fn said_to(socket: &UnixDatagram, name: &str) -> Vec<String> {
    socket.set_read_timeout(Some(BOUND)).unwrap();
    let lab = Lab::new();
    let line = "serve --host 127.0.0.1 --swarm-port 0 --api-port 0 --data-dir node --output json --compute=false";
    let mut command = lab.command_of("unused", line);
    command.env("NOTIFY_SOCKET", name);
    let mut node = Node::start(command, line.into(), lab.path("node.log"));
    let mut said = vec![next(socket).unwrap()];
    node.signal(Signal::TERM);
    assert_eq!(node.code(), 0, "{}", node.log());
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    said.extend(std::iter::from_fn(|| next(socket)));
    said
}

fn next(socket: &UnixDatagram) -> Option<String> {
    let mut bytes = [0; 256];
    let length = socket.recv(&mut bytes).ok()?;
    Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
}

#[test]
fn the_service_manager_hears_of_the_start_and_of_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    assert_eq!(said_to(&socket, path.to_str().unwrap()), ["READY=1", "STOPPING=1"]);

    let name = format!("bacalhau-test-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    assert_eq!(said_to(&socket, &format!("@{name}")), ["READY=1", "STOPPING=1"]);
}

#[test]
fn the_unit_says_how_the_node_is_watched() {
    let unit = std::fs::read_to_string(UNIT).unwrap();
    for line in ["Type=notify", "SystemCallErrorNumber=EPERM", "RestartPreventExitStatus=2"] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    let lab = Lab::new();
    lab.write("wrong.toml", "[api]\nlisten = \"nowhere\"\n");
    assert_eq!(lab.run_of("client", "serve --config wrong.toml").code, 2, "which no restart mends");

    // systemd's own reading of it, with a program that is there.
    let unit = unit.replace("/usr/local/bin/bacalhau", binary().to_str().unwrap());
    lab.write("bacalhau.service", unit);
    match Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(lab.path("bacalhau.service")).output() {
        Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{output:?}"),
        Err(error) => eprintln!("skipped: there is no systemd-analyze ({error})"),
    }
}
