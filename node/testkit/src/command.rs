//! The command under test as a process.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::wait::BOUND;

/// Where cargo has built the command: beside the tests, where it does not say.
pub fn binary() -> PathBuf {
    std::env::var_os("CARGO_BIN_EXE_bacalhau").map_or_else(
        || std::env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().join("bacalhau"),
        PathBuf::from,
    )
}

/// The command with an environment that is empty but for this: its key and store are in `data`, what it compiles is in
/// `cache`, and it asks no other node unless its flags say so. Its input is empty.
pub fn command(dir: &Path, data: &OsStr, cache: &OsStr) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(dir).env_clear().env("BACALHAU_DIR", data).env("BACALHAU_CACHE_DIR", cache);
    command.env("BACALHAU_IPFS_CONNECT", "none").stdin(Stdio::null());
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct End {
    /// The exit code; -1 after a signal.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl End {
    /// The JSON on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.stdout, self.stderr))
    }
}

impl From<Output> for End {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs a command to its end. One that takes too long is killed, and the test fails; `line` names it then.
pub fn finish(mut command: Command, line: &str) -> End {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let (send, ended) = channel();
    thread::spawn(move || send.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(BOUND) else {
        let _ = kill_process(pid, Signal::KILL);
        panic!("{line} does not end");
    };
    output.unwrap().into()
}
