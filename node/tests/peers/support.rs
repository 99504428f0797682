//! Our own node, as the command that people use; and trees to send around.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bacalhau::cas::Cid;
use serde_json::Value;
use tempfile::TempDir;

/// A data directory, and `bacalhau ipfs serve` on it. It ends with the value.
pub(crate) struct Ours {
    /// Where peers reach it.
    pub(crate) addr: String,
    serving: Child,
    dir: TempDir,
}

impl Ours {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut serve = command(&dir, &["ipfs", "serve", "--listen", "/ip4/127.0.0.1/tcp/0", "--output", "yaml"]);
        let mut serving = serve.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(serving.stdout.take().unwrap()).lines();
        let addr = said.map(Result::unwrap).find_map(|line| line.strip_prefix("- ").map(str::to_owned));
        Self { addr: addr.unwrap(), serving, dir }
    }

    /// Puts a file or directory into the store that is served.
    pub(crate) fn add(&self, path: &Path) -> Cid {
        let added = command(&self.dir, &["ipfs", "add", "--output", "json"]).arg(path).output().unwrap();
        let added: Value = serde_json::from_slice(&added.stdout).unwrap();
        added["cid"].as_str().unwrap().parse().unwrap()
    }

    /// Fetches a tree from the node at `from`, into a store that has nothing, and says where it is.
    pub(crate) fn get(&self, from: &str, cid: &Cid) -> PathBuf {
        let path = self.dir.path().join(cid.to_string());
        let elsewhere = tempfile::tempdir().unwrap();
        let cid = cid.to_string();
        let line = ["ipfs", "get", &cid, "--ipfs-connect", from, "-o"];
        let end = command(&elsewhere, &line).arg(&path).output().unwrap();
        assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
        path
    }

    /// Writes what it has of a DAG into an archive.
    pub(crate) fn export(&self, cid: &Cid) -> PathBuf {
        let path = self.dir.path().join(format!("{cid}.car"));
        let end = command(&self.dir, &["ipfs", "export", &cid.to_string(), "-o"]).arg(&path).output().unwrap();
        assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
        path
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let _ = self.serving.kill();
        let _ = self.serving.wait();
    }
}

fn command(dir: &TempDir, line: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bacalhau"));
    command.env_clear().env("BACALHAU_DIR", dir.path()).env("BACALHAU_IPFS_CONNECT", "none").args(line);
    command
}

/// What is sent around: its name and where it is.
pub(crate) fn trees(dir: &Path) -> Vec<(&'static str, PathBuf)> {
    let names = ["small.txt", "50 MiB.bin", "nested", "many"];
    let paths = names.map(|name| dir.join(name));
    let [small, large, nested, many] = &paths;
    std::fs::write(small, "a small file\n").unwrap();
    std::fs::write(large, pattern(50 << 20)).unwrap();
    for (name, content) in [("Ünïcode/日本語/ä b.txt", "unicode"), ("Ünïcode/🐟", "fish"), ("a/b/c/d/e", "deep")]
    {
        let path = nested.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    std::fs::write(nested.join("a/large.bin"), pattern(600_000)).unwrap();
    std::fs::create_dir(many).unwrap();
    // Long names, so that the directory is large enough to be sharded.
    for number in 0..5000 {
        std::fs::write(many.join(format!("a file of a large directory {number:04}")), format!("{number}\n")).unwrap();
    }
    names.into_iter().zip(paths).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the lowest byte is meant")]
pub(crate) fn pattern(bytes: u32) -> Vec<u8> {
    (0..bytes).map(|i| (i.wrapping_mul(31) ^ (i >> 8) ^ (i >> 16) ^ (i >> 24)) as u8).collect()
}

/// Every file below `path`, by its name, with what is in it.
pub(crate) fn contents(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    collect(path, Path::new(""), &mut found);
    found
}

fn collect(path: &Path, name: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            collect(&entry.path(), &name.join(entry.file_name()), found);
        }
    } else {
        found.insert(name.into(), std::fs::read(path).unwrap());
    }
}
