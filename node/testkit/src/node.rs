//! Processes of the command that serve: nodes of the network, and servers of blocks. They end when they are dropped.

use std::fs::{self, File};
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::lab::Lab;
use crate::wait::BOUND;

/// A process of `serve` or `devstack`.
#[derive(Debug)]
pub struct Node {
    /// URL of its API.
    pub api: String,
    /// URLs of the APIs of all nodes in the process; empty for `serve`.
    pub apis: Vec<String>,
    /// The peer id of its first node.
    pub id: String,
    /// The address of its first node, as `--peer` takes it.
    pub peer: String,
    /// The process.
    pub child: Child,
    line: String,
    log: PathBuf,
}

impl Node {
    /// Starts `command`, which prints its addresses as JSON; `line` names it in the text of a failure.
    pub fn start(mut command: Command, line: String, log: PathBuf) -> Self {
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let said = first_value(&mut child);
        // From here on, dropping it ends the process.
        let (api, id, peer) = (String::new(), String::new(), String::new());
        let mut node = Self { api, apis: Vec::new(), id, peer, child, line, log };
        let said = said.recv_timeout(BOUND).ok().flatten();
        let said = said.unwrap_or_else(|| panic!("{} has not started:\n{}", node.line, node.log()));
        let first = said["nodes"].get(0).unwrap_or(&said);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (node.api, node.id, node.peer) = (text(&said["api"]), text(&first["peer_id"]), text(&first["peers"][0]));
        node.apis = said["nodes"].as_array().into_iter().flatten().map(|node| text(&node["api"])).collect();
        node
    }

    /// Kills the process.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same data directory and swarm port. Its API gets another port.
    pub fn again(&mut self, lab: &Lab) {
        *self = Self::start(lab.command_of("unused", &self.line), self.line.clone(), self.log.clone());
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end and returns its exit code.
    pub fn code(&mut self) -> i32 {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            assert!(since.elapsed() < BOUND, "{} goes on:\n{}", self.line, self.log());
            thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// A client of its API with a new key.
    #[cfg(feature = "node")]
    pub fn client(&self) -> bacalhau_api_client::ApiClient {
        bacalhau_api_client::ApiClient::new(&self.api, libp2p_identity::Keypair::generate_ed25519())
    }

    /// Its log.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process of `ipfs serve`.
#[derive(Debug)]
pub struct BlockServer {
    /// The process.
    pub child: Child,
    /// Its address, as `--ipfs-connect` takes it.
    pub peer: String,
    /// The URL of its gateway; empty without `--http`.
    pub http: String,
}

impl BlockServer {
    /// Starts `command`, which prints its addresses as JSON.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = first_value(&mut child);
        let mut server = Self { child, peer: String::new(), http: String::new() };
        let said = said.recv_timeout(BOUND).ok().flatten().expect("it prints where it serves");
        server.peer = said["peers"][0].as_str().unwrap().into();
        server.http = said["http"].as_str().unwrap_or_default().into();
        server
    }
}

impl Drop for BlockServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first JSON value that a process prints, when it does.
fn first_value(child: &mut Child) -> std::sync::mpsc::Receiver<Option<Value>> {
    let output = child.stdout.take().unwrap();
    let (send, said) = channel();
    thread::spawn(move || {
        send.send(serde_json::Deserializer::from_reader(output).into_iter().next().and_then(Result::ok))
    });
    said
}

/// A free port that the system gives to no process that asks for any: a node that is killed finds it again.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Below the ports of any connection; a range for each of the processes that may run at once.
    let first = 10_000 + u16::try_from(std::process::id() % 22).unwrap() * 1000;
    let is_free =
        |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok() && UdpSocket::bind(("127.0.0.1", *port)).is_ok();
    (0..1000).map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 1000).find(is_free).unwrap()
}
