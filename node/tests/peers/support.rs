//! Our own node, which keeps what it fetches and serves what it keeps; and trees to send around.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bacalhau::bitswap::{Bitswap, Config};
use bacalhau::cas::{self, DataError, Shelf, dag_pb};
use bacalhau::exchange::{Answers, Provider};
use bacalhau::transport::{Host, HostConfig};
use bytes::Bytes;
use cid::Cid;

/// Longer than anything here takes.
const BOUND: Duration = Duration::from_mins(2);

/// Blocks in memory, by their hash.
#[derive(Debug, Default)]
struct Kept(Mutex<HashMap<Vec<u8>, Bytes>>);

impl Shelf for Kept {
    fn find(&self, cid: &Cid) -> Result<Option<Bytes>, DataError> {
        Ok(self.0.lock().unwrap().get(&cid.hash().to_bytes()).cloned())
    }

    fn size_of(&self, cid: &Cid) -> Result<Option<u64>, DataError> {
        Ok(self.find(cid)?.map(|bytes| bytes.len() as u64))
    }
}

/// See the module.
pub(crate) struct Ours {
    pub(crate) host: Host,
    bitswap: Arc<Bitswap>,
    kept: Arc<Kept>,
}

impl Ours {
    pub(crate) fn start() -> Self {
        let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        let host = Host::start(&HostConfig { listen, ..HostConfig::default() }).unwrap();
        let kept = Arc::new(Kept::default());
        let bitswap = Bitswap::start(&host, Some(kept.clone()), Config::default());
        Self { host, bitswap, kept }
    }

    /// Fetches a whole DAG, level by level, and says how many blocks and bytes it has.
    pub(crate) fn fetch(&self, root: &Cid) -> (usize, usize) {
        let (mut level, mut blocks, mut bytes) = (vec![*root], 0, 0);
        while !level.is_empty() {
            let (answer, answered) = channel();
            let answers: Answers = Arc::new(move |cid, result| drop(answer.send((cid, result))));
            self.bitswap.want(&level, &answers);
            let mut next = Vec::new();
            for _ in &level {
                let (cid, result) = answered.recv_timeout(BOUND).expect("an answer in time");
                let block = result.unwrap();
                cas::check(&cid, &block).unwrap();
                (blocks, bytes) = (blocks + 1, bytes + block.len());
                next.extend(dag_pb::links(&cid, &block).unwrap());
                self.kept.0.lock().unwrap().insert(cid.hash().to_bytes(), block);
            }
            next.retain(|cid| self.kept.find(cid).unwrap().is_none());
            next.sort_unstable();
            next.dedup();
            level = next;
        }
        (blocks, bytes)
    }
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
fn pattern(bytes: u32) -> Vec<u8> {
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
