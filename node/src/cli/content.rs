//! The flags that say where blocks are kept and whom to ask for them, and the node that follows from them.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::HostFailure;
use clap::Args;
use libp2p::Multiaddr;

use super::exit::Failure;
use super::talk::Talk;
use crate::cas::store::Store;
use crate::config::default_data_dir;
use crate::exchange::Peer;
use crate::node::{self, Node, NodeConfig};
use crate::storage::Fetch;
use bacalhau_values::Size;

/// Asked when nobody else is named. What it sends is checked like everything else.
const DEFAULT_GATEWAY: &str = "https://trustless-gateway.link";
/// The longest silence of whoever is asked for blocks.
const PATIENCE: Duration = Duration::from_secs(30);

/// Flags of every command that fetches blocks.
#[derive(Args, Debug)]
#[command(next_help_heading = "Data by CID")]
pub(super) struct Content {
    #[command(flatten)]
    pub(super) place: DataDir,

    /// Whom to ask for blocks: /ip4/…/tcp/…/p2p/ID for a Bitswap peer, /ip4/127.0.0.1/tcp/5001 for the RPC of a kubo,
    /// `https://host` for a trustless gateway; `none` asks nobody. May be given several times
    /// [default: `https://trustless-gateway.link`]
    #[arg(long, value_name = "ADDR", env = "BACALHAU_IPFS_CONNECT", value_delimiter = ',')]
    ipfs_connect: Vec<String>,
}

/// Flags of every command that has a store.
#[derive(Args, Debug)]
#[command(next_help_heading = "Data by CID")]
pub(super) struct DataDir {
    /// Where the node keeps its blocks and what it has published; by default `bacalhau` in `$XDG_DATA_HOME` or in
    /// ~/.local/share. Several commands may use it at once
    #[arg(long, value_name = "DIR", env = "BACALHAU_DIR")]
    data_dir: Option<PathBuf>,

    /// Bound of the block store. What is not pinned goes when there is no room
    #[arg(long, value_name = "SIZE", env = "BACALHAU_STORE_SIZE", default_value_t = Size(32 << 30))]
    store_size: Size,
}

impl DataDir {
    /// The directory.
    ///
    /// # Errors
    /// When none is named and no home is known.
    pub(super) fn path(&self) -> Result<PathBuf, Failure> {
        let found = self.data_dir.clone().or_else(default_data_dir);
        found.ok_or_else(|| Failure::usage("no home directory is known: say where data is kept with --data-dir"))
    }

    /// The block store in it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn store(&self) -> Result<Arc<Store>, Failure> {
        Ok(node::open_store(&self.path()?, self.store_size.0)?)
    }
}

impl Content {
    /// A node that asks whom it is told to.
    ///
    /// # Errors
    /// When a flag makes no sense, or the node cannot be started.
    pub(super) fn node(&self, talk: &Arc<Talk>) -> Result<Node, Failure> {
        Ok(Node::start(self.config(talk, Vec::new())?)?)
    }

    /// As [`node`](Self::node), and asks these peers first.
    ///
    /// # Errors
    /// As for [`node`](Self::node).
    pub(super) fn node_with(&self, talk: &Arc<Talk>, first: Vec<Peer>) -> Result<Node, Failure> {
        Ok(Node::start(self.config(talk, first)?)?)
    }

    /// A node that serves at `listen`.
    ///
    /// # Errors
    /// As for [`node`](Self::node), and when it cannot listen there.
    pub(super) fn serving_node(&self, talk: &Arc<Talk>, listen: &[Multiaddr]) -> Result<Node, Failure> {
        Ok(Node::serve(self.config(talk, Vec::new())?, listen)?)
    }

    /// What a node is told that follows these flags.
    ///
    /// # Errors
    /// When a flag makes no sense.
    pub(super) fn config(&self, talk: &Arc<Talk>, first: Vec<Peer>) -> Result<NodeConfig, Failure> {
        let progress = talk.progress();
        Ok(NodeConfig {
            data_dir: self.place.path()?,
            store_bytes: self.place.store_size.0,
            connect: first.into_iter().chain(self.peers()?).collect(),
            unsealed: None,
            cid_url: None,
            fetch: Fetch::Lazy,
            patience: PATIENCE,
            dials: false,
            fetched: Arc::new(move |bytes| progress(bytes, None)),
        })
    }

    /// Whom to ask.
    ///
    /// # Errors
    /// When somebody is named who cannot be asked.
    pub(super) fn peers(&self) -> Result<Vec<Peer>, Failure> {
        let default = [DEFAULT_GATEWAY.to_owned()];
        let named = if self.ipfs_connect.is_empty() { &default[..] } else { &self.ipfs_connect };
        let named = named.iter().filter(|text| *text != "none" && !text.is_empty());
        named.map(|text| text.parse().map_err(|error| Failure::usage(format!("--ipfs-connect: {error}")))).collect()
    }
}

/// A failure of data, as a command says it.
impl From<crate::cas::DataError> for Failure {
    fn from(error: crate::cas::DataError) -> Self {
        match error {
            crate::cas::DataError::NoSuchPath { .. } => Self::usage(error.to_string()),
            crate::cas::DataError::Unusable { .. } => Self::refused(error.to_string()),
            crate::cas::DataError::Io { ref source, .. } if source.kind() == ErrorKind::AlreadyExists => {
                Self::usage(error.to_string())
            }
            other => HostFailure::new(other.to_string()).into(),
        }
    }
}
