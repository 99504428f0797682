//! Keeps the chain equal to the pins of the store, serves it, and tells indexers.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use libp2p_identity::Keypair;
use multiaddr::Multiaddr;
use url::Url;

use crate::chain::Chain;
use crate::server::Served;
use crate::{head, indexer};
use bacalhau_cas::{
    BlockSource, Cid, DataError, Hash, IDENTITY, is_complete,
    store::Store,
    unixfs::{Bounds, Scope, Walk},
};
use bacalhau_http::FileServer;

/// How often pins are looked at.
const EVERY: Duration = Duration::from_secs(30);
/// How long an indexer that did not take a message is left alone.
const RETRY: Duration = Duration::from_mins(10);

/// What a node announces, and where.
#[derive(Clone, Debug)]
pub struct Announcing {
    /// Where the chain is served. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The URL at which indexers reach that. Without it indexers are told of nothing.
    pub url: Option<Url>,
    /// Multiaddrs at which this node is reached over Bitswap, without its peer ID.
    pub addresses: Vec<Multiaddr>,
    /// URLs of indexers, which take announce messages by `PUT`.
    pub indexers: Vec<Url>,
    /// Where the chain is kept.
    pub dir: PathBuf,
}

/// A node that announces, until it is dropped.
#[derive(Debug)]
pub struct Announcer {
    server: FileServer,
    _alive: mpsc::Sender<()>,
}

/// What the thread has.
struct Work {
    announcing: Announcing,
    addresses: Vec<String>,
    store: Arc<Store>,
    key: Keypair,
    chain: Chain,
    served: Served,
    /// Indexers that know the head, and those that are left alone until then.
    told: HashMap<Url, Cid>,
    quiet: HashMap<Url, Instant>,
    /// Pins that could not be advertised, which is logged once.
    failed: BTreeSet<Cid>,
}

impl Announcer {
    /// Begins to announce what is pinned in `store`, signed by `key`.
    ///
    /// # Errors
    /// When it cannot listen, or the chain cannot be read.
    pub fn start(announcing: Announcing, store: Arc<Store>, key: &Keypair) -> Result<Self, DataError> {
        let chain = Chain::open(&announcing.dir, key.clone())?;
        let served = Served { dir: Arc::new(announcing.dir.clone()), head: Arc::new(Mutex::new(None)) };
        let server = FileServer::start_router(announcing.listen, served.router())
            .map_err(|error| DataError::io(format!("listen on {} for indexers", announcing.listen), error))?;
        let addresses = announcing.addresses.iter().map(ToString::to_string).collect();
        let (alive, ended) = mpsc::channel();
        let (told, quiet, failed) = Default::default();
        let mut work = Work { announcing, addresses, store, key: key.clone(), chain, served, told, quiet, failed };
        let run = move || {
            loop {
                work.step();
                if ended.recv_timeout(EVERY) != Err(mpsc::RecvTimeoutError::Timeout) {
                    break;
                }
            }
        };
        let spawned = thread::Builder::new().name("announce".into()).spawn(run);
        spawned.map_err(|error| DataError::io("start a thread for advertisements", error))?;
        Ok(Self { server, _alive: alive })
    }

    /// Where the chain is served.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }
}

impl Work {
    fn step(&mut self) {
        if let Err(error) = self.follow_pins() {
            tracing::warn!("advertisements are not up to date: {error}");
        }
        let head = self.chain.head();
        match head.as_ref().map(|head| head::sign(head, &self.key)).transpose() {
            Ok(signed) => self.served.set_head(signed),
            Err(error) => tracing::warn!("{error}"),
        }
        if let Some(head) = head {
            self.tell(&head);
        }
    }

    /// Makes what is advertised equal to what is pinned for good.
    fn follow_pins(&mut self) -> Result<(), DataError> {
        let pins = self.store.pins()?.into_iter().filter(|pin| !pin.is_temporary()).map(|pin| pin.cid);
        let (pinned, advertised) = (pins.collect::<BTreeSet<Cid>>(), self.chain.roots());
        if !self.chain.has_addresses(&self.addresses) {
            self.chain.readdress(&self.addresses)?;
        }
        for root in advertised.difference(&pinned) {
            self.chain.remove(root)?;
        }
        for root in pinned.difference(&advertised) {
            // What is still being fetched is advertised once it is here.
            if !is_complete(&*self.store, root).unwrap_or(false) {
                continue;
            }
            let blocks: Arc<dyn BlockSource> = Arc::clone(&self.store) as _;
            let walk = Walk::new(blocks, root, Scope::All, Bounds::default());
            let hashes = walk.filter_map(|block| match block {
                Ok((cid, _)) => named(*cid.hash()).map(Ok),
                Err(error) => Some(Err(error)),
            });
            match self.chain.add(root, &self.addresses, hashes) {
                Ok(()) => drop(self.failed.remove(root)),
                Err(error) if self.failed.insert(*root) => tracing::warn!("{root} is not advertised: {error}"),
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn tell(&mut self, head: &Cid) {
        let at =
            self.announcing.url.as_ref().and_then(|url| indexer::multiaddr_of(url, self.key.public().to_peer_id()));
        let Some(at) = at else { return };
        for url in &self.announcing.indexers {
            let is_quiet = self.quiet.get(url).is_some_and(|until| Instant::now() < *until);
            if is_quiet || self.told.get(url) == Some(head) {
                continue;
            }
            match indexer::tell(url, head, &at) {
                Ok(()) => {
                    tracing::info!("told indexer {} of advertisement {head}", url.host_str().unwrap_or_default());
                    self.told.insert(url.clone(), *head);
                }
                Err(error) => {
                    let minutes = RETRY.as_secs() / 60;
                    let name = url.host_str().unwrap_or_default();
                    tracing::warn!(
                        "indexer {name} does not take an announcement: {error}; it is told again in {minutes} min"
                    );
                    self.quiet.insert(url.clone(), Instant::now() + RETRY);
                }
            }
        }
    }
}

/// The hash of a block that others can ask for: data within a CID needs no provider.
fn named(hash: Hash) -> Option<Hash> {
    (hash.code() != IDENTITY).then_some(hash)
}

#[cfg(test)]
mod tests;
