//! The process that optimises a module after the command that ran it.
#![cfg(target_os = "linux")]

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bacalhau_testkit::{Lab, command::binary, guests::HELLO};

const PATIENCE: Duration = Duration::from_mins(2);

/// A lab with a program of more than 256 KiB of code, which takes next to no time to compile.
fn lab() -> Lab {
    let lab = Lab::new();
    let number = |n: i64| format!("(drop (i64.const {}))", i64::MAX - n);
    let numbers: String = (0..500).map(number).collect();
    let functions = format!("(func {numbers})").repeat(256);
    let text = HELLO.strip_suffix(')').unwrap().to_owned() + &functions + ")";
    let binary = bacalhau_runtime::to_binary(text.as_bytes(), u64::MAX).unwrap();
    lab.write("large.wasm", binary);
    lab
}

fn command(lab: &Lab) -> Command {
    let mut command = lab.command("wasm run large.wasm --output-dir out");
    command.env_remove("BACALHAU_NO_BACKGROUND");
    command
}

/// Runs the program, and says what executed it.
fn run(lab: &Lab) -> String {
    let output = command(lab).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    lab.json("out/receipt.json")["unclaimed"]["backend"].as_str().unwrap().to_owned()
}

/// The compiled modules in the cache: names, and which file each is.
fn cached(lab: &Lab) -> Vec<(String, u64)> {
    let names = lab.list(".cache").into_iter().filter(|name| name != "key" && !name.contains('.'));
    let file = |name: &String| fs::metadata(lab.path(".cache").join(name)).map(|metadata| metadata.ino());
    names.filter_map(|name| file(&name).ok().map(|number| (name, number))).collect()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process has the right to optimise.
fn is_busy(lab: &Lab) -> bool {
    let key = File::open(lab.path(".cache/key"));
    key.is_ok_and(|key| matches!(key.try_lock(), Err(TryLockError::WouldBlock)))
}

/// The process as the command starts it, with a file open as scripts have them; it waits for its module.
fn optimizer(lab: &Lab) -> Child {
    let mut shell = Command::new("sh");
    shell.current_dir(lab.path(".")).env_clear().stdin(Stdio::piped());
    shell.args(["-c", "exec \"$0\" optimize-module --cache-dir .cache 9>held"]).arg(binary());
    let child = shell.spawn().unwrap();
    until("the process did not take the lock", || is_busy(lab));
    child
}

#[test]
fn ten_runs_compile_a_program_once_as_baseline_and_once_optimised() {
    let lab = lab();
    assert_eq!(run(&lab), "baseline");
    run(&lab);
    until("the program was not optimised", || cached(&lab).len() == 2 && !is_busy(&lab));
    let both = cached(&lab);
    for _ in 2..10 {
        assert_eq!(run(&lab), "optimized");
    }
    assert_eq!(cached(&lab), both, "the same two files");
    let rest = lab.list(".cache").into_iter().filter(|name| name.contains('.'));
    assert_eq!(rest.collect::<Vec<_>>(), [""; 0], "nothing is left of the process");
}

#[test]
fn commands_at_once_optimise_a_program_once() {
    let lab = lab();
    run(&lab);
    let children: Vec<_> = (0..4)
        .map(|number| {
            let mut command = lab.command(&format!("wasm run large.wasm --output-dir out{number}"));
            command.env_remove("BACALHAU_NO_BACKGROUND").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    until("the program was not optimised", || cached(&lab).len() == 2 && !is_busy(&lab));
    let both = cached(&lab);
    assert_eq!(run(&lab), "optimized");
    assert_eq!(cached(&lab), both);
}

#[test]
fn it_leaves_the_command_and_is_bounded() {
    let lab = lab();
    let mut child = optimizer(&lab);
    let proc = format!("/proc/{}", child.id());
    let stat = fs::read_to_string(format!("{proc}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let (session, nice) = (fields[3], fields[16]);
    assert_eq!((session, nice), (child.id().to_string().as_str(), "10"));
    let held = fs::canonicalize(lab.path("held")).unwrap();
    let open = fs::read_dir(format!("{proc}/fd")).unwrap();
    assert!(open.map(|entry| fs::read_link(entry.unwrap().path()).unwrap()).all(|file| file != held));
    let limits = fs::read_to_string(format!("{proc}/limits")).unwrap();
    for (limit, most) in [("Max cpu time", "1200"), ("Max data size", "4294967296"), ("Max core file size", "0")] {
        let line = limits.lines().find_map(|line| line.strip_prefix(limit)).unwrap();
        assert_eq!(line.split_whitespace().next(), Some(most), "{limit}");
    }
    assert_eq!(fs::read_to_string(format!("{proc}/oom_score_adj")).unwrap(), "1000\n");
    child.stdin.take().unwrap().write_all(&fs::read(lab.path("large.wasm")).unwrap()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(run(&lab), "optimized");
    assert_eq!(cached(&lab).len(), 1);
}

#[test]
fn one_at_a_time_and_one_that_was_killed_is_in_nobodys_way() {
    let lab = lab();
    run(&lab);
    let mut child = optimizer(&lab);
    assert_eq!([run(&lab), run(&lab)], ["baseline", "baseline"]);
    assert_eq!(cached(&lab).len(), 1, "no other process was started while one has the lock");
    let mut second = Command::new(binary());
    second.args(["optimize-module", "--cache-dir", ".cache"]).current_dir(lab.path(".")).stdin(Stdio::piped());
    assert!(second.status().unwrap().success(), "it ends at once");
    child.kill().unwrap();
    child.wait().unwrap();
    run(&lab);
    until("the program was not optimised", || cached(&lab).len() == 2 && !is_busy(&lab));
    assert_eq!(run(&lab), "optimized");
}

#[test]
fn a_cache_that_cannot_be_used_is_no_reason_to_fail() {
    let lab = lab();
    lab.write("file", "not a directory");
    for flags in ["--cache-dir file", "--cache-dir file/below", "--cache-dir /proc/none", "--no-cache"] {
        for _ in 0..2 {
            let mut command = lab.command(&format!("wasm run large.wasm --output-dir out {flags}"));
            let output = command.env_remove("BACALHAU_NO_BACKGROUND").output().unwrap();
            assert!(output.status.success(), "{flags}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}
