//! The flags that say where data by CID comes from, and the node that follows from them.

use std::env;
use std::error::Error;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bacalhau_runtime::HostFailure;
use clap::{Args, ValueEnum};
use libp2p::Multiaddr;

use super::exit::Failure;
use super::size::Size;
use super::talk::Talk;
use crate::cas::store::Store;
use crate::exchange::Peer;
use crate::node::{self, Node, NodeConfig};
use crate::storage::{CidUrlStorage, Fetch, SourceError, Template, UnsealedStorage, UnsealedVerify};

/// Asked when nobody else is named. What it sends is checked like everything else.
const DEFAULT_GATEWAY: &str = "https://trustless-gateway.link";
/// The longest silence of whoever is asked for blocks.
const PATIENCE: Duration = Duration::from_secs(30);

/// Flags of every command that reads data by CID.
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

    /// When blocks are fetched: as the program reads them, or all before it starts
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    ipfs_fetch: FetchName,

    /// Where unsealed copies lie: a directory, a file or a CAR for each CID, as in `/var/lib/data/{{.Cid}}`
    #[arg(long, value_name = "TEMPLATE", env = "BACALHAU_FILECOIN_UNSEALED_PATH")]
    filecoin_unsealed_path: Option<String>,

    /// Whether unsealed directories and files are checked against their CID: never, when first used as far as that can
    /// be done, or always, refusing what cannot be proved. Blocks of a CAR are always checked
    #[arg(long, value_enum, value_name = "POLICY", default_value_t)]
    unsealed_verify: VerifyName,

    /// Where to download what nobody else has: a CAR or a file for each CID, as in `https://host/{{.Cid}}.car`
    #[arg(long, value_name = "TEMPLATE", env = "BACALHAU_CID_URL")]
    cid_url: Option<String>,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum FetchName {
    #[default]
    Lazy,
    Eager,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum VerifyName {
    Never,
    #[default]
    Lazy,
    Full,
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

    fn config(&self, talk: &Arc<Talk>, first: Vec<Peer>) -> Result<NodeConfig, Failure> {
        let verify = match self.unsealed_verify {
            VerifyName::Never => UnsealedVerify::Never,
            VerifyName::Lazy => UnsealedVerify::Lazy,
            VerifyName::Full => UnsealedVerify::Full,
        };
        let (unsealed, cid_url) = self.templates()?;
        let progress = talk.progress();
        Ok(NodeConfig {
            data_dir: self.place.path()?,
            store_bytes: self.place.store_size.0,
            connect: first.into_iter().chain(self.peers()?).collect(),
            unsealed: unsealed.map(|template| (template, verify)),
            cid_url,
            fetch: if self.ipfs_fetch == FetchName::Eager { Fetch::Eager } else { Fetch::Lazy },
            patience: PATIENCE,
            fetched: Arc::new(move |bytes| progress(bytes, None)),
        })
    }

    /// Whether the flags make sense, also where nothing will need them.
    ///
    /// # Errors
    /// When one does not.
    pub(super) fn check(&self) -> Result<(), Failure> {
        self.templates()?;
        self.peers().map(drop)
    }

    /// Of unsealed copies, and of URLs.
    fn templates(&self) -> Result<(Option<Template>, Option<Template>), Failure> {
        Ok((
            template("--filecoin-unsealed-path", self.filecoin_unsealed_path.as_ref(), UnsealedStorage::check)?,
            template("--cid-url", self.cid_url.as_ref(), CidUrlStorage::check)?,
        ))
    }

    fn peers(&self) -> Result<Vec<Peer>, Failure> {
        let default = [DEFAULT_GATEWAY.to_owned()];
        let named = if self.ipfs_connect.is_empty() { &default[..] } else { &self.ipfs_connect };
        let named = named.iter().filter(|text| *text != "none" && !text.is_empty());
        named.map(|text| text.parse().map_err(|error| Failure::usage(format!("--ipfs-connect: {error}")))).collect()
    }
}

fn template(
    flag: &str,
    text: Option<&String>,
    check: fn(&Template) -> Result<(), SourceError>,
) -> Result<Option<Template>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let failed = |error: &dyn Error| Failure::usage(format!("{flag}: {error}"));
    let template = Template::parse(text).map_err(|error| failed(&error))?;
    check(&template).map_err(|error| failed(&error))?;
    Ok(Some(template))
}

/// `None` where no home is known.
fn default_data_dir() -> Option<PathBuf> {
    let absolute = |dir: PathBuf| dir.is_absolute().then_some(dir);
    let data_home = env::var_os("XDG_DATA_HOME").map(PathBuf::from).and_then(absolute);
    let home = || env::home_dir().and_then(absolute).map(|home| home.join(".local/share"));
    Some(data_home.or_else(home)?.join("bacalhau"))
}

/// A failure of data, as a command says it.
impl From<crate::cas::DataError> for Failure {
    fn from(error: crate::cas::DataError) -> Self {
        match error {
            crate::cas::DataError::NoSuchPath { .. } => Self::usage(error.to_string()),
            crate::cas::DataError::Io { ref source, .. } if source.kind() == ErrorKind::AlreadyExists => {
                Self::usage(error.to_string())
            }
            other => HostFailure::new(other.to_string()).into(),
        }
    }
}
