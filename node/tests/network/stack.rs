//! `bacalhau devstack` as a real process, and commands that talk to it.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

use crate::cluster::{HELLO, SOON};

/// A network of nodes in another process, until this is dropped.
pub(crate) struct Stack {
    child: Child,
    pub(crate) api: String,
    dir: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Stack {
    /// So many nodes, of which the last `bad` lie.
    pub(crate) fn of(nodes: u16, bad: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("hello.wat"), HELLO).unwrap();
        let line =
            format!("devstack --nodes {nodes} --bad-actors {bad} --job-selection-data-locality anywhere --output json");
        let mut child = command(&dir, &line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        // From here on it is ended whatever happens.
        let mut stack = Self { child, api: String::new(), dir };
        let said = within(move || serde_json::Deserializer::from_reader(stdout).into_iter::<Value>().next());
        let said = said.unwrap().unwrap();
        assert_eq!(said["nodes"].as_array().unwrap().len(), usize::from(nodes));
        stack.api = said["api"].as_str().unwrap().into();
        stack
    }

    /// Runs a command that talks to the first node.
    pub(crate) fn run(&self, line: &str) -> End {
        let mut command = command(&self.dir, &format!("{line} --api-host {}", self.api));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let [stdout, stderr] = [read(child.stdout.take().unwrap()), read(child.stderr.take().unwrap())];
        let both = (stdout.recv_timeout(SOON), stderr.recv_timeout(SOON));
        if both.0.is_err() || both.1.is_err() {
            child.kill().unwrap();
        }
        let code = child.wait().unwrap().code();
        let (Ok(stdout), Ok(stderr), Some(code)) = (both.0, both.1, code) else { panic!("{line} does not end") };
        End { code, stdout, stderr }
    }
}

impl End {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.stdout, self.stderr))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `work` comes to, if it does so in time.
pub(crate) fn within<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, came) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    came.recv_timeout(SOON).unwrap()
}

fn read(mut from: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (done, came) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        done.send(text)
    });
    came
}

/// The command with nothing of our own environment, and all that it leaves in `dir`.
fn command(dir: &tempfile::TempDir, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bacalhau"));
    command.current_dir(dir.path()).env_clear().env("TMPDIR", dir.path());
    command.env("BACALHAU_CACHE_DIR", dir.path().join(".cache")).env("BACALHAU_DIR", dir.path().join(".node"));
    command.env("BACALHAU_IPFS_CONNECT", "none").args(line.split_whitespace());
    command
}
