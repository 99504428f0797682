//! The flags for the block store and the sources of blocks, and the node that they configure.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::HostFailure;
use clap::Args;
use libp2p::Multiaddr;

use super::exit::Failure;
use super::progress_output::Ui;
use bacalhau_cas::store::Store;
use bacalhau_exchange::{ProviderAddress, Routing, RoutingTerms};
use bacalhau_service::{
    config::default_data_dir,
    node::{self, Node, NodeConfig, PiecePlaces},
};
use bacalhau_storage::Fetch;
use bacalhau_values::Size;

/// Idle timeout for block requests.
const PATIENCE: Duration = Duration::from_secs(30);

/// Flags of every command that fetches blocks.
#[derive(Args, Debug)]
#[command(next_help_heading = "Data by CID")]
pub(super) struct Content {
    #[command(flatten)]
    pub(super) place: DataDir,

    /// Source of blocks, asked first: /ip4/…/tcp/…/p2p/ID for a Bitswap peer, /ip4/127.0.0.1/tcp/5001 for the RPC of a
    /// kubo, `https://host` for a trustless gateway; `none` disables fetching. May be given several times [default: the
    /// providers that routers name]
    #[arg(long, value_name = "ADDR", env = "BACALHAU_IPFS_CONNECT", value_delimiter = ',')]
    ipfs_connect: Vec<String>,

    /// Router that is asked for the providers of a CID: `https://host` for one with the Routing V1 API, `local` for a kubo or rainbow on
    /// this machine; `none` asks none. May be given several times [default: `https://cid.contact` and `local`; none with
    /// --ipfs-connect]
    #[arg(long, value_name = "URL", env = "BACALHAU_IPFS_ROUTER", value_delimiter = ',')]
    ipfs_router: Vec<String>,

    /// Contact providers that routers name at private and loopback addresses. Use it if the router is your own
    #[arg(long, env = "BACALHAU_IPFS_ROUTER_PRIVATE")]
    ipfs_router_private: bool,
}

/// Flags of every command that has a store.
#[derive(Args, Debug)]
#[command(next_help_heading = "Data by CID")]
pub(super) struct DataDir {
    /// Data directory: block store and published results [default: `bacalhau` in `$XDG_DATA_HOME` or in
    /// ~/.local/share]. Several commands may use it at once
    #[arg(long, value_name = "DIR", env = "BACALHAU_DIR")]
    data_dir: Option<PathBuf>,

    /// Maximum size of the block store. Blocks that are not pinned are evicted when it is full
    #[arg(long, value_name = "SIZE", env = "BACALHAU_STORE_SIZE", default_value_t = Size(32 << 30))]
    store_size: Size,
}

impl DataDir {
    /// The data directory.
    ///
    /// # Errors
    /// When none is named and there is no home directory.
    pub(super) fn path(&self) -> Result<PathBuf, Failure> {
        let found = self.data_dir.clone().or_else(default_data_dir);
        found.ok_or_else(|| Failure::usage("no home directory found: name the data directory with --data-dir"))
    }

    /// The block store in the data directory.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn store(&self) -> Result<Arc<Store>, Failure> {
        Ok(node::open_store(&self.path()?, self.store_size.0)?)
    }
}

impl Content {
    /// A node that fetches from the configured sources.
    ///
    /// # Errors
    /// When a flag is invalid or the node cannot be started.
    pub(super) fn node(&self, ui: &Arc<Ui>) -> Result<Node, Failure> {
        Ok(Node::start(self.config(ui, Vec::new())?)?)
    }

    /// Like [`node`](Self::node), with these peers as first sources.
    ///
    /// # Errors
    /// When a flag is invalid or the node cannot be started.
    pub(super) fn node_with(&self, ui: &Arc<Ui>, first: Vec<ProviderAddress>) -> Result<Node, Failure> {
        Ok(Node::start(self.config(ui, first)?)?)
    }

    /// A node that serves at `listen`.
    ///
    /// # Errors
    /// When a flag is invalid, or the node cannot be started or cannot listen there.
    pub(super) fn serving_node(&self, ui: &Arc<Ui>, listen: &[Multiaddr]) -> Result<Node, Failure> {
        Ok(Node::serve(self.config(ui, Vec::new())?, listen)?)
    }

    /// The node's configuration by these flags.
    ///
    /// # Errors
    /// When a flag is invalid.
    pub(super) fn config(&self, ui: &Arc<Ui>, first: Vec<ProviderAddress>) -> Result<NodeConfig, Failure> {
        let progress = ui.progress();
        Ok(NodeConfig {
            data_dir: self.place.path()?,
            store_bytes: self.place.store_size.0,
            connect: first.into_iter().chain(self.peers()?).collect(),
            routing: self.routing()?,
            unsealed: None,
            cid_url: None,
            pieces: PiecePlaces::default(),
            fetch: Fetch::Lazy,
            patience: PATIENCE,
            dials: false,
            fetched: Arc::new(move |bytes| progress(bytes, None)),
        })
    }

    /// The sources of blocks.
    ///
    /// # Errors
    /// When an address is not supported.
    pub(super) fn peers(&self) -> Result<Vec<ProviderAddress>, Failure> {
        let named = self.ipfs_connect.iter().filter(|text| *text != "none" && !text.is_empty());
        named.map(|text| text.parse().map_err(|error| Failure::usage(format!("--ipfs-connect: {error}")))).collect()
    }

    /// The routers; `None` asks none.
    ///
    /// # Errors
    /// When an address is not one of a router.
    pub(super) fn routing(&self) -> Result<Option<Routing>, Failure> {
        let terms = RoutingTerms { private: self.ipfs_router_private, patience: PATIENCE };
        let routing = terms.routing(&self.ipfs_router, &self.ipfs_connect);
        routing.map_err(|error| Failure::usage(format!("--ipfs-router: {error}")))
    }
}

/// Converts a failure of data to a failure of the command.
impl From<bacalhau_cas::DataError> for Failure {
    fn from(error: bacalhau_cas::DataError) -> Self {
        match error {
            bacalhau_cas::DataError::NoSuchPath { .. } => Self::usage(error.to_string()),
            bacalhau_cas::DataError::Unusable { .. } => Self::refused(error.to_string()),
            bacalhau_cas::DataError::Io { ref source, .. } if source.kind() == ErrorKind::AlreadyExists => {
                Self::usage(error.to_string())
            }
            other => HostFailure::new(other.to_string()).into(),
        }
    }
}
