//! A directory with programs, in which the command runs as clients and as nodes. It is removed when the test ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command::{End, command, finish};
use crate::content::pattern;
use crate::guests;
use crate::node::{BlockServer, Node, port};

/// Directories of every lab: caches, the data of its client, temporary files and programs.
const OURS: [&str; 6] = [".cache", ".tmp", "cat.wat", "client", "echo.wat", "hello.wat"];

/// The directory.
#[derive(Debug)]
pub struct Lab {
    dir: tempfile::TempDir,
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Lab {
    /// One with the programs `hello.wat`, `echo.wat` and `cat.wat`.
    pub fn new() -> Self {
        let lab = Self { dir: tempfile::tempdir().unwrap() };
        lab.write("hello.wat", guests::HELLO);
        lab.write("echo.wat", guests::ECHO);
        lab.write("cat.wat", guests::CAT);
        fs::create_dir(lab.path(".tmp")).unwrap();
        lab
    }

    /// One with the directory `tree` of several blocks, in the store `maker` and as `tree.car`, and an empty `data`; and
    /// the CID of the tree.
    pub fn with_tree() -> (Self, String) {
        let lab = Self::new();
        lab.write("tree/a.txt", "a\n");
        lab.write("tree/sub/big.bin", pattern(600_000, 1));
        fs::create_dir(lab.path("data")).unwrap();
        let cid = lab.cid("tree");
        lab.expect(0, &format!("ipfs export {cid} -o tree.car --data-dir maker"));
        (lab, cid)
    }

    /// The path of `name`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, and makes the directories above it.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    /// The text in a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The JSON in a file.
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Names in the directory `name`, sorted; `.` for the lab itself.
    pub fn list(&self, name: &str) -> Vec<String> {
        list(&self.path(name))
    }

    /// Names in the lab beside those that every lab has.
    pub fn new_names(&self) -> Vec<String> {
        self.list(".").into_iter().filter(|name| !OURS.contains(&&**name)).collect()
    }

    /// The command as the client of this lab. No process of it continues after it.
    pub fn command(&self, line: &str) -> Command {
        let mut command = self.command_of("client", line);
        command.env("BACALHAU_NO_BACKGROUND", "true");
        command
    }

    /// The command with nothing of the test's own environment, its key and store in the directory `data`.
    pub fn command_of(&self, data: &str, line: &str) -> Command {
        let mut command = command(self.dir.path(), self.path(data).as_os_str(), self.path(".cache").as_os_str());
        command.env("TMPDIR", self.path(".tmp")).args(line.split_whitespace());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, line: &str) -> End {
        finish(self.command(line), line)
    }

    /// Runs a command to its end, with its key and store in the directory `data`.
    pub fn run_of(&self, data: &str, line: &str) -> End {
        finish(self.command_of(data, line), line)
    }

    /// Runs a command that must end with `code`.
    pub fn expect(&self, code: i32, line: &str) -> End {
        let end = self.run(line);
        assert_eq!(end.code, code, "{line}\n{}\n{}", end.stdout, end.stderr);
        end
    }

    /// Runs a command that must end with `code` and print JSON.
    pub fn expect_json(&self, code: i32, line: &str) -> Value {
        self.expect(code, line).json()
    }

    /// Puts `path` into the client's store and returns its CID. `flags` may name another store.
    pub fn add(&self, path: &str, flags: &str) -> String {
        self.expect(0, &format!("ipfs add -Q {path} {flags}")).stdout.trim().to_owned()
    }

    /// The CID of `path`, which goes into the store `maker` that no node has.
    pub fn cid(&self, path: &str) -> String {
        self.add(path, "--data-dir maker")
    }

    /// Submits to `node` what `wasm run` takes after `line`, and returns the id of the job.
    pub fn submit(&self, node: &Node, line: &str) -> String {
        let end = self.expect(0, &format!("wasm run {line} --id-only --api-host {}", node.api));
        end.stdout.trim().to_owned()
    }

    /// Starts a node with the data directory `name`.
    pub fn serve(&self, name: &str, flags: &str) -> Node {
        let port = port();
        self.node(name, &format!("serve --host 127.0.0.1 --swarm-port {port} --api-port 0 --data-dir {name} {flags}"))
    }

    /// Starts what serves on loopback by the command `line`. It logs into `name.log`.
    pub fn node(&self, name: &str, line: &str) -> Node {
        let line = format!("{line} --output json --ipfs-connect none");
        Node::start(self.command_of("unused", &line), line, self.path(&format!("{name}.log")))
    }

    /// Starts `ipfs serve` on the data directory `name`.
    pub fn serve_blocks(&self, name: &str, flags: &str) -> BlockServer {
        let line = format!("ipfs serve --listen /ip4/127.0.0.1/tcp/0 --data-dir {name} --output json {flags}");
        BlockServer::start(self.command(&line))
    }
}

fn list(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
