//! A directory to run the command in, and programs for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Says something, or ends in other ways, by entry point.
pub(crate) const HELLO: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "hello\n\1b[31mred\n")
  (func $say (param $stream i32) (param $length i32)
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $write (local.get $stream) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start") (call $say (i32.const 1) (i32.const 6)))
  (func (export "colour") (call $say (i32.const 1) (i32.const 15)))
  (func (export "lines") (local $n i32)
    (loop $again
      (call $say (i32.const 1) (i32.const 6))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 30)))))
  (func (export "fail") (call $say (i32.const 2) (i32.const 6)) (call $exit (i32.const 7)))
  (func (export "loop") (loop $l (br $l)))
  (func (export "trap") unreachable))"#;

/// Writes its arguments, and the content of its standard input, to standard output.
pub(crate) const ECHO: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func $say (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start")
    (drop (call $sizes (i32.const 16) (i32.const 20)))
    (drop (call $args (i32.const 1024) (i32.const 4096)))
    (call $say (i32.const 4096) (i32.load (i32.const 20)))
    (drop (call $env_sizes (i32.const 16) (i32.const 20)))
    (drop (call $env (i32.const 1024) (i32.const 8192)))
    (call $say (i32.const 8192) (i32.load (i32.const 20)))
    (i32.store (i32.const 0) (i32.const 16384))
    (i32.store (i32.const 4) (i32.const 4096))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $say (i32.const 16384) (i32.load (i32.const 8)))))"#;

/// Copies its standard input to standard output, 64 KiB at a time.
pub(crate) const CAT: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (loop $again
      (i32.store (i32.const 0) (i32.const 65536))
      (i32.store (i32.const 4) (i32.const 65536))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
      (br_if $again (i32.load (i32.const 8))))))"#;

/// A directory that vanishes, with the programs in it, and the command to run there.
pub(crate) struct Room {
    dir: tempfile::TempDir,
}

/// A running `bacalhau ipfs serve`, until it is dropped.
pub(crate) struct Serving {
    pub(crate) child: Child,
    /// Its address, as `--ipfs-connect` takes it.
    pub(crate) peer: String,
    /// The URL of what it publishes; empty without `--http`.
    pub(crate) http: String,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Room {
    pub(crate) fn new() -> Self {
        let room = Self { dir: tempfile::tempdir().unwrap() };
        room.write("hello.wat", HELLO);
        room.write("echo.wat", ECHO);
        room.write("cat.wat", CAT);
        room
    }

    /// One with the directory `tree` of several blocks, in the store `maker` and as `tree.car`, and an empty `data`; and
    /// the CID of the tree.
    pub(crate) fn with_tree() -> (Self, String) {
        let room = Self::new();
        room.write("tree/a.txt", "a\n");
        room.write("tree/sub/big.bin", pattern(600_000, 1));
        fs::create_dir(room.path("data")).unwrap();
        let cid = room.add("tree", "--data-dir maker");
        room.expect(0, &format!("ipfs export {cid} -o tree.car --data-dir maker"));
        (room, cid)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Names in the directory `name`, sorted; `.` for the room itself.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        list(&self.path(name))
    }

    /// The command with nothing of our own environment. It asks nobody unless `line` says so, and no process of it
    /// goes on after it.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bacalhau"));
        command.current_dir(self.dir.path()).env_clear().env("BACALHAU_CACHE_DIR", self.path(".cache"));
        command.env("BACALHAU_DIR", self.path(".node")).env("BACALHAU_IPFS_CONNECT", "none");
        command.env("BACALHAU_NO_BACKGROUND", "true");
        command.args(line.split_whitespace());
        command
    }

    pub(crate) fn run(&self, line: &str) -> End {
        self.command(line).output().unwrap().into()
    }

    /// Runs what must end with `code`.
    pub(crate) fn expect(&self, code: i32, line: &str) -> End {
        let end = self.run(line);
        assert_eq!(end.code, code, "{line}\n{}\n{}", end.stdout, end.stderr);
        end
    }

    /// Runs what must end with `code` and print JSON.
    pub(crate) fn expect_json(&self, code: i32, line: &str) -> Value {
        serde_json::from_str(&self.expect(code, line).stdout).unwrap()
    }

    /// Puts `path` into the store and says its CID. `flags` may name another store.
    pub(crate) fn add(&self, path: &str, flags: &str) -> String {
        self.expect(0, &format!("ipfs add -Q {path} {flags}")).stdout.trim().to_owned()
    }

    /// Begins to serve what is in the data directory `dir`.
    pub(crate) fn serve(&self, dir: &str, flags: &str) -> Serving {
        let line = format!("ipfs serve --listen /ip4/127.0.0.1/tcp/0 --data-dir {dir} --output json {flags}");
        let mut child = self.command(&line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = child.stdout.take().unwrap();
        let said: Value = serde_json::Deserializer::from_reader(said).into_iter().next().unwrap().unwrap();
        let peer = said["peers"][0].as_str().unwrap().to_owned();
        let http = said["http"].as_str().unwrap_or_default().to_owned();
        Serving { child, peer, http }
    }

    /// Names of this room beside those that every room has.
    pub(crate) fn new_names(&self) -> Vec<String> {
        let ours = [".cache", ".node", "cat.wat", "echo.wat", "hello.wat"];
        self.list(".").into_iter().filter(|name| !ours.contains(&&**name)).collect()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Bytes that are alike nowhere.
#[expect(clippy::cast_possible_truncation, reason = "the lowest byte is meant")]
pub(crate) fn pattern(bytes: u32, seed: u32) -> Vec<u8> {
    (0..bytes).map(|i| (i.wrapping_mul(31) ^ (i >> 8) ^ (i >> 16).wrapping_mul(7) ^ seed) as u8).collect()
}

impl From<Output> for End {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn list(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
