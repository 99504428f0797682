//! Bitswap throughput: a file of 256 MiB (`BENCH_BITSWAP_MIB`) from a node and from Helia over loopback, compared with
//! a plain TCP copy of the same bytes that is hashed on arrival. The node encrypts, hashes block by block, and finds
//! blocks by CID; once from memory to memory, once from store to store, durable at the end.
//!
//! Helia runs from the place where `tests/peers/install.sh` installed it: `target/peers`, or `BACALHAU_TEST_PEERS`.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a benchmark")]

use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bacalhau_bitswap::{Bitswap, Config};
use bacalhau_cas::{
    Block, Cid, LocalBlockstore,
    store::{Options, Store},
    unixfs::import::{Profile, import_reader},
    unixfs::{Bounds, Scope, Walk},
};
use bacalhau_exchange::{BlockSink, Exchange, OwnStore};
use bacalhau_p2p::{Host, HostConfig};
use benches::{Least, Memory, noise, setting};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempDir};

/// A node of ours that serves.
struct Server {
    host: Host,
    _bitswap: Arc<Bitswap>,
}

impl Server {
    fn start(shelf: Arc<dyn LocalBlockstore>) -> Self {
        let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        let host = Host::start(&HostConfig { listen, ..HostConfig::default() }).unwrap();
        let bitswap = Bitswap::start(&host, Some(shelf), Config::default());
        Self { host, _bitswap: bitswap }
    }

    fn addr(&self) -> String {
        self.host.listen_addrs()[0].to_string()
    }
}

/// An empty node that is connected to another one.
struct Client {
    exchange: Arc<Exchange>,
    _host: Host,
    _place: Option<TempDir>,
}

impl Client {
    fn connect(addr: &str, shelf: Arc<dyn BlockSink>, place: Option<TempDir>) -> Self {
        let host = Host::start(&HostConfig::default()).unwrap();
        let bitswap = Bitswap::start(&host, None, Config::default());
        bitswap.connect(&addr.parse().unwrap()).wait().unwrap();
        let exchange = Arc::new(Exchange::new(shelf, vec![bitswap], Arc::new(|_| {})));
        Self { exchange, _host: host, _place: place }
    }

    fn in_memory(addr: &str) -> Self {
        Self::connect(addr, Arc::new(Memory::default()), None)
    }

    fn on_disk(addr: &str) -> Self {
        let place = TempDir::new().unwrap();
        let store = Store::open(place.path(), Options::default()).unwrap();
        Self::connect(addr, Arc::new(OwnStore::new(store)), Some(place))
    }

    /// Fetches the whole DAG and waits until it is kept.
    fn fetch(&self, root: &Cid, least_bytes: u64) {
        let walk = Walk::new(self.exchange.clone(), root, Scope::All, Bounds::default());
        let bytes: u64 = walk.map(|block| block.unwrap().1.len() as u64).sum();
        assert!(bytes >= least_bytes);
        self.exchange.settle().unwrap();
    }
}

/// Sends `data` over loopback, while the other end reads and hashes it.
fn tcp_copy(data: &[u8]) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| TcpStream::connect(addr).unwrap().write_all(data).unwrap());
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = vec![0; 256 << 10];
        let mut hasher = Sha256::new();
        let mut total = 0;
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => break,
                read => {
                    hasher.update(&buffer[..read]);
                    total += read;
                }
            }
        }
        assert_eq!(total, data.len());
        black_box(hasher.finalize());
    });
}

fn import_into_store(data: &[u8], place: &Path, profile: Profile) -> (Arc<Store>, Cid) {
    let store = Store::open(place, Options::default()).unwrap();
    let writer = store.writer();
    let root = import_reader(&mut &*data, profile, &mut |block: Block| writer.write(&block)).unwrap().cid;
    writer.finish().unwrap();
    (store, root)
}

fn bitswap(c: &mut Criterion) {
    let bytes = setting("BENCH_BITSWAP_MIB", 256) << 20;
    let data = noise(bytes as usize);
    let question = format!("fetch {} MiB", bytes >> 20);
    let mut least = Least::new(&question);
    let mut group = c.benchmark_group(&question);
    group.sample_size(10).sampling_mode(SamplingMode::Flat).measurement_time(Duration::from_secs(10));
    group.throughput(Throughput::Bytes(bytes));
    let mut side = |name: &str, run: &mut dyn FnMut(&mut Least, &str, u64) -> Duration| {
        group.bench_function(name, |b| b.iter_custom(|times| run(&mut least, name, times)));
    };
    side("plain TCP and one SHA-256", &mut |least, name, times| least.wall(name, times, || tcp_copy(&data)));
    for profile in [Profile::KuboCidV1, Profile::UnixfsV12025] {
        let memory = Arc::new(Memory::default());
        let root = import_reader(&mut &*data, profile, &mut &*memory).unwrap().cid;
        let server = Server::start(memory);
        side(&format!("from memory to memory, {profile}"), &mut |least, name, times| {
            let fetch = |_| {
                let client = Client::in_memory(&server.addr());
                least.wall(name, 1, || client.fetch(&root, bytes))
            };
            (0..times).map(fetch).sum()
        });
    }
    let place = TempDir::new().unwrap();
    let (store, root) = import_into_store(&data, place.path(), Profile::default());
    let server = Server::start(store);
    side(&format!("from store to store, {}", Profile::default()), &mut |least, name, times| {
        let fetch = |_| {
            let client = Client::on_disk(&server.addr());
            least.wall(name, 1, || client.fetch(&root, bytes))
        };
        (0..times).map(fetch).sum()
    });
    match Helia::start() {
        Err(why) => println!("skipped: fetch from Helia, and by Helia: {why}; tests/peers/install.sh gets it"),
        Ok(mut helia) => {
            let mut file = NamedTempFile::new().unwrap();
            file.write_all(&data).unwrap();
            let root = helia.add(file.path());
            let addr = helia.addr.clone();
            side("from Helia to memory, its own chunks of 1 MiB", &mut |least, name, times| {
                let fetch = |_| {
                    let client = Client::in_memory(&addr);
                    least.wall(name, 1, || client.fetch(&root, bytes))
                };
                (0..times).map(fetch).sum()
            });
            helia_fetches(&data, &mut side);
        }
    }
    group.finish();
    least.print("0.5 from memory to memory");
}

type Fetches<'a> = &'a mut dyn FnMut(&str, &mut dyn FnMut(&mut Least, &str, u64) -> Duration);

/// By a new Helia each time, since it caches blocks.
fn helia_fetches(data: &[u8], side: Fetches<'_>) {
    let memory = Arc::new(Memory::default());
    let root = import_reader(&mut &*data, Profile::UnixfsV12025, &mut &*memory).unwrap().cid;
    let server = Server::start(memory);
    side("from memory to Helia, chunks of 1 MiB", &mut |least, name, times| {
        let fetch = |_| least.note(name, Helia::start().unwrap().fetch(&server.addr(), &root, data.len() as u64));
        (0..times).map(fetch).sum()
    });
}

/// A Helia process, controlled by lines on its standard input.
struct Helia {
    addr: String,
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    place: TempDir,
}

impl Helia {
    fn start() -> Result<Self, String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed =
            std::env::var_os("BACALHAU_TEST_PEERS").map_or_else(|| here.join("../target/peers"), PathBuf::from);
        if !installed.join("node_modules/@helia/unixfs").exists() {
            return Err(format!("{} has no node_modules with it", installed.display()));
        }
        // A script finds its modules beside itself.
        let place = TempDir::new_in(&installed).map_err(|error| error.to_string())?;
        for name in ["polyfill.mjs", "helia.mjs"] {
            fs::copy(here.join("../tests/peers").join(name), place.path().join(name)).unwrap();
        }
        let mut command = Command::new("node");
        command.args(["--import=./polyfill.mjs", "helia.mjs"]).current_dir(place.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| format!("node does not run: {error}"))?;
        let (commands, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut helia = Self { addr: String::new(), child, commands, answers, place };
        let ready = helia.answer();
        helia.addr = ready["addr"].as_str().ok_or("it is not ready")?.into();
        Ok(helia)
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_default()
    }

    fn tell(&mut self, command: &str) -> Value {
        writeln!(self.commands, "{command}").unwrap();
        let answer = self.answer();
        assert!(answer.is_object() && answer["error"].is_null(), "{command}: {answer}");
        answer
    }

    fn add(&mut self, path: &Path) -> Cid {
        self.tell(&format!("add {}", path.display()))["cid"].as_str().unwrap().parse().unwrap()
    }

    /// Fetches a DAG; the duration is measured by Helia's own clock.
    fn fetch(&mut self, addr: &str, cid: &Cid, bytes: u64) -> Duration {
        let target = self.place.path().join("fetched");
        let answer = self.tell(&format!("fetch {addr} {cid} {}", target.display()));
        assert_eq!(answer["bytes"], bytes);
        Duration::from_millis(answer["ms"].as_u64().unwrap())
    }
}

impl Drop for Helia {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

criterion_group!(benches, bitswap);
criterion_main!(benches);
