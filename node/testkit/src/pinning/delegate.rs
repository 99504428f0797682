//! The node of a pinning service that fetches what is to be pinned: a real one of ours, over Bitswap.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bacalhau_cas::{
    BlockSource, Cid,
    car::CarReader,
    unixfs::{Bounds, Scope, Walk},
};
use bacalhau_p2p::{HostConfig, JobsConfig};
use bacalhau_service::node::{Node, NodeConfig, PiecePlaces};
use bacalhau_storage::Fetch;

/// Timeout of a fetch.
const PATIENCE: Duration = Duration::from_secs(20);

/// The node.
pub struct Delegate {
    node: Node,
    _dir: tempfile::TempDir,
}

impl Delegate {
    /// Starts one on loopback.
    pub fn start() -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()];
        let host = HostConfig { listen, jobs: Some(JobsConfig::default()), ..HostConfig::default() };
        Arc::new(Self { node: Node::join(config, host).unwrap(), _dir: dir })
    }

    /// Where it is.
    pub fn addrs(&self) -> Vec<String> {
        self.node.listen_addrs().iter().map(ToString::to_string).collect()
    }

    /// Fetches the DAG of `cid` from `origins` and connected peers.
    pub fn fetch(&self, cid: &str, origins: &[String]) -> Result<(), String> {
        let cid: Cid = cid.parse().unwrap();
        for origin in origins {
            drop(self.node.host().unwrap().dial(&origin.parse().unwrap()));
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let blocks: Arc<dyn BlockSource> = Arc::clone(self.node.exchange()) as _;
            match Walk::new(blocks, &cid, Scope::All, Bounds::default()).find_map(Result::err) {
                None => break,
                Some(error) if Instant::now() > until => return Err(error.to_string()),
                Some(_) => std::thread::park_timeout(Duration::from_millis(50)),
            }
        }
        self.node.exchange().settle().map_err(|error| error.to_string())?;
        if self.has(&cid) { Ok(()) } else { Err("it does not have what it has fetched".into()) }
    }

    /// Whether it has every block below `cid`.
    pub fn has(&self, cid: &Cid) -> bool {
        let blocks: Arc<dyn BlockSource> = Arc::clone(self.node.store()) as _;
        Walk::new(blocks, cid, Scope::All, Bounds::default()).all(|block| block.is_ok())
    }

    /// Takes an archive, and says its root if all that is below is in it.
    pub fn take(&self, car: &[u8]) -> Result<String, String> {
        let reader = CarReader::new("the archive", car).map_err(|error| error.to_string())?;
        let root = *reader.roots().first().ok_or("it has no root")?;
        let blocks = reader.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        self.node.store().put(&blocks).map_err(|error| error.to_string())?;
        if self.has(&root) { Ok(root.to_string()) } else { Err("it is not whole".into()) }
    }
}

/// Configuration of a node in `dir` without providers.
pub fn config(dir: &std::path::Path) -> NodeConfig {
    NodeConfig {
        data_dir: dir.into(),
        store_bytes: 1 << 30,
        connect: Vec::new(),
        routing: None,
        unsealed: None,
        cid_url: None,
        pieces: PiecePlaces::default(),
        fetch: Fetch::Lazy,
        patience: Duration::from_secs(5),
        dials: true,
        fetched: Arc::new(|_| ()),
    }
}
