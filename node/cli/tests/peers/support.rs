//! Our own node, as the command that people use; and trees to send around.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use bacalhau_cas::Cid;
use bacalhau_testkit::{Lab, node::BlockServer};

/// `bacalhau ipfs serve` on a store.
pub(crate) struct Ours {
    serving: BlockServer,
    lab: Lab,
}

impl Ours {
    pub(crate) fn start() -> Self {
        let lab = Lab::new();
        Self { serving: lab.serve_blocks("client", ""), lab }
    }

    /// Where peers reach it.
    pub(crate) fn addr(&self) -> &str {
        &self.serving.peer
    }

    /// Puts a file or directory into the store that is served.
    pub(crate) fn add(&self, path: &Path) -> Cid {
        run(self.lab.command("ipfs add -Q").arg(path)).trim().parse().unwrap()
    }

    /// Fetches a tree from the node at `from`, into a store that has nothing, and returns its path.
    pub(crate) fn get(&self, from: &str, cid: &Cid) -> PathBuf {
        self.get_with(&format!("--ipfs-connect {from}"), cid)
    }

    /// The same from the nodes that `flags` name.
    pub(crate) fn get_with(&self, flags: &str, cid: &Cid) -> PathBuf {
        let path = self.lab.path(&cid.to_string());
        run(Lab::new().command(&format!("ipfs get {cid} {flags} -o")).arg(&path));
        path
    }

    /// Writes what it has of a DAG into an archive.
    pub(crate) fn export(&self, cid: &Cid) -> PathBuf {
        let path = self.lab.path(&format!("{cid}.car"));
        run(self.lab.command(&format!("ipfs export {cid} -o")).arg(&path));
        path
    }
}

/// What a command prints that has to succeed. It takes as long as it takes: trees are large.
fn run(command: &mut Command) -> String {
    let end = command.output().unwrap();
    assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
    String::from_utf8(end.stdout).unwrap()
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
