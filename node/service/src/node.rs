//! The data part of a node: store, peers and all sources of data. The only module that names every driver.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bacalhau_tree::HostFailure;
use libp2p::Multiaddr;

use crate::data_dir;
use bacalhau_bitswap as bitswap;
use bacalhau_bitswap::Bitswap;
use bacalhau_cas::{
    DataError, LocalBlockstore,
    store::{self, Store},
};
use bacalhau_exchange::{
    BlockProvider, Exchange, Fetched, Gateway, Gateways, Kubo, OwnStore, ProviderAddress, Routed, Routing,
};
use bacalhau_identity::Identity;
use bacalhau_p2p::{Host, HostConfig};
use bacalhau_storage::{
    CidUrlStorage, Fetch, Fetching, IpfsStorage, LocalStorage, PieceCopies, PieceNumbers, PieceUrls, SourceError,
    Sources, Storage, Template, UnsealedStorage, UnsealedVerify,
};

/// Configuration of a node.
#[derive(Clone)]
pub struct NodeConfig {
    /// Where it keeps everything. Several processes may share it.
    pub data_dir: PathBuf,
    /// Bound of its block store.
    pub store_bytes: u64,
    /// Sources of blocks.
    pub connect: Vec<ProviderAddress>,
    /// Routers that it asks for others. `None` asks none.
    pub routing: Option<Routing>,
    /// Location of unsealed copies, and how they are verified.
    pub unsealed: Option<(Template, UnsealedVerify)>,
    /// URL template for data by CID that no other source has.
    pub cid_url: Option<Template>,
    /// Where pieces lie.
    pub pieces: PiecePlaces,
    /// When blocks of inputs are fetched.
    pub fetch: Fetch,
    /// Idle timeout for block requests.
    pub patience: Duration,
    /// Whether it connects to peers as they become known, and serves its store to them.
    pub dials: bool,
    /// Called with the size of all fetched blocks.
    pub fetched: Fetched,
}

/// Places of pieces, in the order in which they are asked: paths, then URLs.
#[derive(Clone, Debug, Default)]
pub struct PiecePlaces {
    /// Path templates.
    pub paths: Vec<Template>,
    /// File with numbers of pieces, for path templates with `{{.Number}}`.
    pub numbers: Option<PathBuf>,
    /// URL templates.
    pub urls: Vec<Template>,
    /// Whether pieces at the paths are believed. Those behind URLs never are.
    pub verify: UnsealedVerify,
}

/// A node.
pub struct Node {
    store: Arc<Store>,
    exchange: Arc<Exchange>,
    kubos: Vec<Arc<Kubo>>,
    config: NodeConfig,
    bitswap: Option<Arc<Bitswap>>,
    routed: Option<Arc<Routed>>,
    host: Option<Host>,
}

impl Node {
    /// Opens the store and starts connecting to peers. Other nodes cannot connect to this one.
    ///
    /// # Errors
    /// When the store cannot be opened, or the network cannot be started.
    pub fn start(config: NodeConfig) -> Result<Self, HostFailure> {
        Self::start_as(config, &HostConfig::default())
    }

    /// As [`start`](Self::start), with the identity of the data directory, and serving the store at `listen`.
    ///
    /// # Errors
    /// Also when it cannot listen there, or the identity cannot be read.
    pub fn serve(config: NodeConfig, listen: &[Multiaddr]) -> Result<Self, HostFailure> {
        let identity = identity(&config.data_dir)?;
        Self::start_as(config, &HostConfig { identity, listen: listen.to_vec(), ..HostConfig::default() })
    }

    /// As [`serve`](Self::serve), as a node of the network of jobs with the configuration `host`.
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
            .filter_map(|peer| if let ProviderAddress::Bitswap(addr) = peer { Some(addr) } else { None })
            .collect();
        let (mut started, mut bitswap) = (None, None);
        let routes = config.routing.is_some();
        if config.dials || routes || !peers.is_empty() || !host.listen.is_empty() || host.jobs.is_some() {
            let node = Host::start(host).map_err(|error| failed(&error))?;
            let shelf: Arc<dyn LocalBlockstore> = Arc::clone(&store) as _;
            let settings = bitswap::Config { patience: config.patience, ..bitswap::Config::default() };
            let speaks = Bitswap::start(&node, Some(shelf), settings);
            for peer in peers {
                // A failed connection is reported when data is requested.
                drop(speaks.connect(peer));
            }
            (started, bitswap) = (Some(node), Some(speaks));
        }
        let kubos: Vec<Arc<Kubo>> = config
            .connect
            .iter()
            .filter_map(|peer| if let ProviderAddress::Kubo(address) = peer { Some(address.clone()) } else { None })
            .map(|address| Arc::new(Kubo::new(address, config.patience)))
            .collect();
        let routed = config.routing.clone().map(|routing| {
            let network = bitswap.as_ref().map(Bitswap::network);
            Arc::new(Routed::new(routing, network))
        });
        let mut providers = providers(&config, bitswap.as_ref(), host.jobs.is_some(), &kubos);
        // Last: configured providers are asked before those that routers name.
        providers.extend(routed.iter().map(|routed| Arc::clone(routed) as Arc<dyn BlockProvider>));
        let own = Arc::new(OwnStore::new(Arc::clone(&store)));
        let exchange = Arc::new(Exchange::new(own, providers, Arc::clone(&config.fetched)));
        Ok(Self { store, exchange, kubos, config, bitswap, routed, host: started })
    }

    /// Its part of the network, if it has one.
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The block store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The store and its providers.
    pub fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// The kubos to which it is connected, to publish to.
    pub fn kubos(&self) -> &[Arc<Kubo>] {
        &self.kubos
    }

    /// The routers, if any are configured.
    pub fn routed(&self) -> Option<&Arc<Routed>> {
        self.routed.as_ref()
    }

    /// Bitswap, if the network is running.
    pub fn bitswap(&self) -> Option<&Arc<Bitswap>> {
        self.bitswap.as_ref()
    }

    /// Where others reach it.
    pub fn listen_addrs(&self) -> &[Multiaddr] {
        self.host.as_ref().map_or(&[], Host::listen_addrs)
    }

    /// All sources of data: by CID from unsealed copies, then IPFS, then the URL; pieces from their paths, then their
    /// URLs.
    ///
    /// # Errors
    /// When a template of paths has no directory, or one of URLs no host.
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
        let pieces = self.piece_drivers(&fetching)?;
        Ok(Sources::new(local, fetching, drivers).with_pieces(pieces))
    }

    fn piece_drivers(&self, fetching: &Fetching) -> Result<Vec<Arc<dyn Storage>>, SourceError> {
        let (places, dir) = (&self.config.pieces, &self.config.data_dir);
        let mut drivers: Vec<Arc<dyn Storage>> = Vec::new();
        let numbers = places.numbers.clone().map(|path| Arc::new(PieceNumbers::new(path)));
        for template in &places.paths {
            drivers.push(Arc::new(PieceCopies::new(template.clone(), places.verify, numbers.clone(), dir)?));
        }
        for template in &places.urls {
            drivers.push(Arc::new(PieceUrls::new(template.clone(), fetching.clone(), dir)?));
        }
        Ok(drivers)
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

/// Nodes of the network of jobs use each other as sources, nodes with routers those that these name; other nodes use the
/// configured ones.
fn providers(
    config: &NodeConfig,
    bitswap: Option<&Arc<Bitswap>>,
    jobs: bool,
    kubos: &[Arc<Kubo>],
) -> Vec<Arc<dyn BlockProvider>> {
    let mut providers: Vec<Arc<dyn BlockProvider>> = Vec::new();
    let peers = jobs
        || config.routing.is_some()
        || config.connect.iter().any(|peer| matches!(peer, ProviderAddress::Bitswap(_)));
    if let Some(bitswap) = bitswap.filter(|_| peers) {
        providers.push(Arc::clone(bitswap) as _);
    }
    providers.extend(kubos.iter().map(|kubo| Arc::clone(kubo) as Arc<dyn BlockProvider>));
    let gateways: Vec<Gateway> = config
        .connect
        .iter()
        .filter_map(|peer| if let ProviderAddress::Gateway(url) = peer { Some(url.clone()) } else { None })
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
