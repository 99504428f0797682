//! A directory with nodes and clients in it. All that is started here is gone when the test ends, however it ends, and
//! nothing is waited for without a bound.

use std::fs::{self, File};
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use bacalhau::api::ApiClient;
use libp2p::identity::Keypair;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::guests;

/// Longer than anything here takes, on a machine that is busy with other things.
pub(crate) const BOUND: Duration = Duration::from_secs(90);

/// The directory.
pub(crate) struct Lab {
    dir: tempfile::TempDir,
}

/// A process that serves, until it is dropped.
pub(crate) struct Node {
    /// URL of its API.
    pub(crate) api: String,
    /// Those of all nodes that the process has.
    pub(crate) apis: Vec<String>,
    /// Its name among nodes.
    pub(crate) id: String,
    /// Where other nodes reach it, as `--peer` takes it.
    pub(crate) peer: String,
    pub(crate) child: Child,
    line: String,
    log: PathBuf,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let lab = Self { dir: tempfile::tempdir().unwrap() };
        lab.write("hello.wat", guests::HELLO);
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    /// The command with nothing of our own environment, as the client whose key is in the directory `client`.
    pub(crate) fn command_of(&self, client: &str, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bacalhau"));
        command.current_dir(self.dir.path()).env_clear().env("BACALHAU_CACHE_DIR", self.path("cache"));
        command.env("BACALHAU_DIR", self.path(client)).env("BACALHAU_IPFS_CONNECT", "none");
        command.args(line.split_whitespace()).stdin(Stdio::null());
        command
    }

    /// Runs a command of the client `client` to its end.
    pub(crate) fn run_of(&self, client: &str, line: &str) -> End {
        finish(self.command_of(client, line), line)
    }

    /// Runs what must end with `code`.
    pub(crate) fn expect(&self, code: i32, line: &str) -> End {
        let end = self.run_of("client", line);
        assert_eq!(end.code, code, "{line}\n{}\n{}", end.stdout, end.stderr);
        end
    }

    /// Runs what must end with `code` and print JSON.
    pub(crate) fn expect_json(&self, code: i32, line: &str) -> Value {
        serde_json::from_str(&self.expect(code, line).stdout).unwrap()
    }

    /// The CID of what is at `path`, in a store that no node has.
    pub(crate) fn cid(&self, path: &str) -> String {
        self.expect(0, &format!("ipfs add -Q {path} --data-dir maker")).stdout.trim().to_owned()
    }

    /// Submits what `wasm run` takes behind `line` to `node`, and says the job's name.
    pub(crate) fn submit(&self, node: &Node, line: &str) -> String {
        let end = self.expect(0, &format!("wasm run {line} --id-only --api-host {}", node.api));
        end.stdout.trim().to_owned()
    }

    /// A node with the data directory `name`.
    pub(crate) fn serve(&self, name: &str, flags: &str) -> Node {
        let port = port();
        self.node(name, &format!("serve --host 127.0.0.1 --swarm-port {port} --api-port 0 --data-dir {name} {flags}"))
    }

    /// What serves on loopback by the command `line`.
    pub(crate) fn node(&self, name: &str, line: &str) -> Node {
        let line = format!("{line} --output json --ipfs-connect none");
        Node::start(self.command_of("unused", &line), line, self.path(&format!("{name}.log")))
    }
}

impl Node {
    /// Starts what `command` says; it prints where it is reached.
    pub(crate) fn start(mut command: Command, line: String, log: PathBuf) -> Self {
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let mut node = Self::unknown(child, line, log);
        let (send, said) = channel();
        thread::spawn(move || send.send(serde_json::Deserializer::from_reader(output).into_iter::<Value>().next()));
        let said = said.recv_timeout(BOUND).ok().flatten().and_then(Result::ok);
        let said = said.unwrap_or_else(|| panic!("{} has not started:\n{}", node.line, node.log()));
        let first = said["nodes"].get(0).unwrap_or(&said);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (node.api, node.id, node.peer) = (text(&said["api"]), text(&first["peer_id"]), text(&first["peers"][0]));
        node.apis = said["nodes"].as_array().into_iter().flatten().map(|node| text(&node["api"])).collect();
        node
    }

    /// One that has not said yet where it is.
    fn unknown(child: Child, line: String, log: PathBuf) -> Self {
        let (api, id, peer) = (String::new(), String::new(), String::new());
        Self { api, apis: Vec::new(), id, peer, child, line, log }
    }

    /// Ends it at once, in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again with what it had on disk, where other nodes know it. Its API gets another port.
    pub(crate) fn again(&mut self, lab: &Lab) {
        *self = Self::start(lab.command_of("unused", &self.line), self.line.clone(), self.log.clone());
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn code(&mut self) -> i32 {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            assert!(since.elapsed() < BOUND, "{} goes on:\n{}", self.line, self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// A client of it whose name nobody knows.
    pub(crate) fn client(&self) -> ApiClient {
        ApiClient::new(&self.api, Keypair::generate_ed25519())
    }

    /// What it has said of itself.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

/// A port that is free, and that the system gives to nobody who asks for any: a node that is killed finds it again.
fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Below the ports of any connection; a range for each of the processes that may run at once.
    let first = 10_000 + u16::try_from(std::process::id() % 22).unwrap() * 1000;
    let is_free =
        |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok() && UdpSocket::bind(("127.0.0.1", *port)).is_ok();
    (0..1000).map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 1000).find(is_free).unwrap()
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end, and ends it where that takes too long.
pub(crate) fn finish(mut command: Command, line: &str) -> End {
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

/// Waits until `done` says so.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < BOUND, "{what}: not in time");
        thread::sleep(Duration::from_millis(20));
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
