//! One node: its store, its peers and everything that data comes from, wired together. The only place that names every
//! driver. It decides nothing that a flag could decide.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::HostFailure;
use libp2p::Multiaddr;

use crate::bitswap::{self, Bitswap};
use crate::cas::store::{self, Store};
use crate::cas::{DataError, Shelf};
use crate::data_dir;
use crate::exchange::{Exchange, Fetched, Gateway, Gateways, Kubo, OwnStore, Peer, Provider};
use crate::storage::{
    CidUrlStorage, Fetch, Fetching, IpfsStorage, LocalStorage, SourceError, Sources, Storage, Template,
    UnsealedStorage, UnsealedVerify,
};
use crate::transport::{Host, HostConfig, Identity};

/// What a node is told.
#[derive(Clone)]
pub struct NodeConfig {
    /// Where it keeps everything. Several processes may share it.
    pub data_dir: PathBuf,
    /// Bound of its block store.
    pub store_bytes: u64,
    /// Whom it asks for blocks.
    pub connect: Vec<Peer>,
    /// Where unsealed copies lie, and whether they are believed.
    pub unsealed: Option<(Template, UnsealedVerify)>,
    /// Where data by CID can be downloaded when nobody else has it.
    pub cid_url: Option<Template>,
    /// When blocks of inputs are fetched.
    pub fetch: Fetch,
    /// The longest silence of whoever is asked.
    pub patience: Duration,
    /// Whether it can connect to peers that nobody has named yet, and serve them what is in the store.
    pub dials: bool,
    /// Hears of all bytes that were fetched as blocks.
    pub fetched: Fetched,
}

/// A node.
pub struct Node {
    store: Arc<Store>,
    exchange: Arc<Exchange>,
    kubos: Vec<Arc<Kubo>>,
    config: NodeConfig,
    bitswap: Option<Arc<Bitswap>>,
    host: Option<Host>,
}

impl Node {
    /// Opens the store and begins to connect to peers. Nobody can connect to this node.
    ///
    /// # Errors
    /// When the store cannot be opened, or the network not be started.
    pub fn start(config: NodeConfig) -> Result<Self, HostFailure> {
        Self::start_as(config, &HostConfig::default())
    }

    /// As [`start`](Self::start), but under the identity of the data directory, and reachable at `listen`: what is in
    /// the store is served.
    ///
    /// # Errors
    /// Also when it cannot listen there, or the identity cannot be read.
    pub fn serve(config: NodeConfig, listen: &[Multiaddr]) -> Result<Self, HostFailure> {
        let identity = identity(&config.data_dir)?;
        Self::start_as(config, &HostConfig { identity, listen: listen.to_vec(), ..HostConfig::default() })
    }

    /// As [`serve`](Self::serve), as a node of the network of jobs: where and with whom `host` says.
    ///
    /// # Errors
    /// As for [`serve`](Self::serve).
    pub fn join(config: NodeConfig, host: HostConfig) -> Result<Self, HostFailure> {
        let identity = identity(&config.data_dir)?;
        Self::start_as(config, &HostConfig { identity, ..host })
    }

    fn start_as(config: NodeConfig, host: &HostConfig) -> Result<Self, HostFailure> {
        let store = open_store(&config.data_dir, config.store_bytes)?;
        let peers: Vec<&Multiaddr> = config
            .connect
            .iter()
            .filter_map(|peer| if let Peer::Bitswap(addr) = peer { Some(addr) } else { None })
            .collect();
        let (mut started, mut bitswap) = (None, None);
        if config.dials || !peers.is_empty() || !host.listen.is_empty() || host.jobs.is_some() {
            let node = Host::start(host).map_err(|error| failed(&error))?;
            let shelf: Arc<dyn Shelf> = Arc::clone(&store) as _;
            let settings = bitswap::Config { patience: config.patience, ..bitswap::Config::default() };
            let speaks = Bitswap::start(&node, Some(shelf), settings);
            for peer in peers {
                // Who cannot be reached says so to whoever wants something.
                drop(speaks.connect(peer));
            }
            (started, bitswap) = (Some(node), Some(speaks));
        }
        let kubos: Vec<Arc<Kubo>> = config
            .connect
            .iter()
            .filter_map(|peer| if let Peer::Kubo(address) = peer { Some(address.clone()) } else { None })
            .map(|address| Arc::new(Kubo::new(address, config.patience)))
            .collect();
        let providers = providers(&config, bitswap.as_ref(), host.jobs.is_some(), &kubos);
        let own = Arc::new(OwnStore::new(Arc::clone(&store)));
        let exchange = Arc::new(Exchange::new(own, providers, Arc::clone(&config.fetched)));
        Ok(Self { store, exchange, kubos, config, bitswap, host: started })
    }

    /// Its part of the network, if it has one.
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The block store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The store and everybody else.
    pub fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// The kubos to which it is connected, to publish to.
    pub fn kubos(&self) -> &[Arc<Kubo>] {
        &self.kubos
    }

    /// What went to and fro over Bitswap.
    pub fn bitswap(&self) -> Option<&Arc<Bitswap>> {
        self.bitswap.as_ref()
    }

    /// Where others reach it.
    pub fn listen_addrs(&self) -> &[Multiaddr] {
        self.host.as_ref().map_or(&[], Host::listen_addrs)
    }

    /// Everything that data can come from: by CID first from unsealed copies, then from IPFS, then from the URL.
    ///
    /// # Errors
    /// When the template of unsealed copies names no directory, or that of URLs no host.
    pub fn sources(&self, local: LocalStorage, fetching: Fetching) -> Result<Sources, SourceError> {
        let mut drivers: Vec<Arc<dyn Storage>> = Vec::new();
        if let Some((template, verify)) = &self.config.unsealed {
            let dir = &self.config.data_dir;
            drivers.push(Arc::new(UnsealedStorage::new(template.clone(), *verify, dir, Arc::clone(&self.store) as _)?));
        }
        drivers.push(Arc::new(IpfsStorage::new(
            Arc::clone(&self.exchange),
            Arc::clone(&self.store),
            self.config.fetch,
        )));
        if let Some(template) = &self.config.cid_url {
            drivers.push(Arc::new(CidUrlStorage::new(
                template.clone(),
                fetching.clone(),
                Arc::clone(&self.store) as _,
            )?));
        }
        Ok(Sources::new(local, fetching, drivers))
    }
}

impl std::fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeConfig").field("data_dir", &self.data_dir).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("data_dir", &self.config.data_dir).finish_non_exhaustive()
    }
}

/// Opens the block store of a data directory.
///
/// # Errors
/// When the directory cannot be written, or holds something else.
pub fn open_store(data_dir: &Path, max_bytes: u64) -> Result<Arc<Store>, HostFailure> {
    Store::open(&data_dir.join("store"), store::Options { max_bytes }).map_err(|error: DataError| {
        HostFailure::new(format!("{error}; name a directory that can be written with --data-dir"))
    })
}

/// Nodes of the network of jobs ask each other; others ask whom they are told to.
fn providers(
    config: &NodeConfig,
    bitswap: Option<&Arc<Bitswap>>,
    jobs: bool,
    kubos: &[Arc<Kubo>],
) -> Vec<Arc<dyn Provider>> {
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    let peers = jobs || config.connect.iter().any(|peer| matches!(peer, Peer::Bitswap(_)));
    if let Some(bitswap) = bitswap.filter(|_| peers) {
        providers.push(Arc::clone(bitswap) as _);
    }
    providers.extend(kubos.iter().map(|kubo| Arc::clone(kubo) as Arc<dyn Provider>));
    let gateways: Vec<Gateway> = config
        .connect
        .iter()
        .filter_map(|peer| if let Peer::Gateway(url) = peer { Some(url.clone()) } else { None })
        .map(|url| Gateway::new(url, config.patience))
        .collect();
    if !gateways.is_empty() {
        providers.push(Arc::new(Gateways::new(gateways)));
    }
    providers
}

/// The identity of a data directory, which is made for a new one.
fn identity(data_dir: &Path) -> Result<Identity, HostFailure> {
    data_dir::check(data_dir)?;
    Identity::from_file(&data_dir.join(data_dir::IDENTITY)).map_err(|error| failed(&error))
}

fn failed(error: &dyn std::error::Error) -> HostFailure {
    HostFailure::new(error.to_string())
}
