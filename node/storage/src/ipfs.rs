//! Data by CID from the own store and, behind it, the exchange. A DAG is mounted at once and read block by block as the
//! program reads, or fetched whole before that.

use std::sync::{Arc, Mutex, PoisonError};

use bacalhau_receipt::Checked;
use bacalhau_tree::{HostFailure, Tree};

use super::{CidSource, Opened, Source, Storage, failed};
use bacalhau_cas::{
    BlockSource, Cid, Code, DataError, dag_pb, is_complete,
    store::{GcLease, Store},
    unixfs::{Bounds, DagTree, Scope, Walk},
};
use bacalhau_exchange::Exchange;

/// When blocks of an input are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fetch {
    /// As the program reads, and a little ahead of it.
    #[default]
    Lazy,
    /// All of them, before the program starts.
    Eager,
}

/// The storage of data by CID that IPFS has.
#[derive(Debug)]
pub struct IpfsStorage {
    exchange: Arc<Exchange>,
    store: Arc<Store>,
    fetch: Fetch,
    /// Leases that keep opened data in the store.
    holds: Mutex<Vec<GcLease>>,
}

impl IpfsStorage {
    /// Data of `exchange`, fetched by `fetch`, and kept in `store`, the exchange's own.
    pub fn new(exchange: Arc<Exchange>, store: Arc<Store>, fetch: Fetch) -> Self {
        Self { exchange, store, fetch, holds: Mutex::default() }
    }

    fn hold(&self, cid: &Cid) -> Result<(), DataError> {
        let hold = self.store.hold(cid)?;
        self.holds.lock().unwrap_or_else(PoisonError::into_inner).push(hold);
        Ok(())
    }

    fn tree(&self, source: &CidSource) -> Result<DagTree, DataError> {
        let blocks: Arc<dyn BlockSource> = Arc::clone(&self.exchange) as _;
        DagTree::open(blocks, &source.place.cid, &source.place.path)
    }
}

impl Storage for IpfsStorage {
    fn name(&self) -> &'static str {
        "ipfs"
    }

    /// Whether all blocks of the CID are local, whatever the path.
    fn has_locally(&self, source: &Source) -> Result<bool, HostFailure> {
        is_complete(&*self.store, &source.cid("IPFS")?.place.cid).map_err(failed)
    }

    /// For a directory, the unverified sizes in its links.
    fn size(&self, source: &Source) -> Result<Option<u64>, HostFailure> {
        let tree = self.tree(source.cid("IPFS")?).map_err(failed)?;
        if let Some(size) = tree.size() {
            return Ok(Some(size));
        }
        let sum = || {
            let block = self.exchange.get(tree.cid())?;
            Ok(match Code::of(tree.cid())? {
                Code::Raw => block.len() as u64,
                Code::DagPb => {
                    let links = dag_pb::Node::decode(tree.cid(), block)?.links;
                    links.iter().fold(0, |sum: u64, link| sum.saturating_add(link.total_size))
                }
            })
        };
        sum().map(Some).map_err(failed)
    }

    fn open(&self, source: &Source) -> Result<Opened, HostFailure> {
        let source = source.cid("IPFS")?;
        self.hold(&source.place.cid).map_err(failed)?;
        let tree = self.tree(source).map_err(failed)?;
        if self.fetch == Fetch::Eager {
            self.exchange.fetch_dag(tree.cid());
            let blocks: Arc<dyn BlockSource> = Arc::clone(&self.exchange) as _;
            let mut walk = Walk::new(blocks, tree.cid(), Scope::All, Bounds::default());
            walk.try_for_each(|block| block.map(drop)).map_err(failed)?;
        }
        let here = is_complete(&*self.store, &source.place.cid).unwrap_or(false);
        let place = if here { "the block store".into() } else { self.exchange.asked() };
        let tree: Arc<dyn Tree> = Arc::new(tree);
        Ok(Opened::by(self.name(), place, Checked::Verified, tree))
    }
}
