//! Blocks from a local store and, behind it, from providers of blocks: gateways, kubo, Bitswap, and those that routers name. Each block is
//! fetched once, is checked against its CID, and is kept in the store.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use bacalhau_cas::store::{Options, Store};
//! use bacalhau_cas::unixfs::DagTree;
//! use bacalhau_exchange::{Exchange, Gateway, Gateways, OwnStore};
//! use bacalhau_tree::Tree as _;
//!
//! let store = Store::open("blocks".as_ref(), Options::default())?;
//! let gateway = Gateway::new("https://gateway.example".parse()?, Duration::from_secs(30));
//! let providers = vec![Arc::new(Gateways::new([gateway])) as _];
//! let exchange = Arc::new(Exchange::new(Arc::new(OwnStore::new(store)), providers, Arc::new(|_bytes| {})));
//!
//! let root = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi".parse()?;
//! let tree = DagTree::open(exchange, &root, "")?;
//! println!("{:?}", tree.list("")?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod frontier;
mod gateway;
mod gateway_car;
mod gateways;
mod inflight;
mod inflight_table;
mod kubo;
mod latency;
mod own;
mod persister;
mod provider;
mod routing;
mod workers;

use std::fmt;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use bacalhau_cas::{BlockSource, Cid, DataError, identity_bytes, is_complete};
use inflight::{FetchError, InFlight, Turn};
use inflight_table::InFlightTable;
use persister::Persister;

pub use address::{KuboAddress, ProviderAddress, ProviderAddressError};
pub use gateway::Gateway;
pub use gateway_car::{CarFetch, CarFetched};
pub use gateways::Gateways;
pub use kubo::{Kubo, KuboIdentity};
pub use own::OwnStore;
pub use persister::BlockSink;
pub use provider::{Answers, BlockProvider, Sink};
pub use routing::{
    Answered, Dialing, Findings, FoundProvider, PeerNetwork, Routed, RouterAddress, RouterError, Routing, RoutingTerms,
};

/// Time after which the next provider is asked too.
const HEDGE: Duration = Duration::from_secs(1);
/// Idle time of all providers after which callers receive an error. Providers have shorter timeouts of their own with
/// better errors; this is a safeguard.
const SILENCE: Duration = Duration::from_mins(15);
/// What to do if a block is not found.
const ADVICE: &str = "name a router with --ipfs-router, or a peer, a gateway or a kubo with --ipfs-connect";
/// Maximum in-flight blocks without a waiting caller. Further read-ahead is skipped.
const MOST_AHEAD: usize = 512;

/// Called with the total of fetched bytes.
pub type Fetched = Arc<dyn Fn(u64) + Send + Sync>;

/// The local store with providers behind it. Each block is fetched once for all callers, and persisted in the store.
pub struct Exchange {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn BlockSink>,
    /// The most wanted first.
    providers: Vec<Arc<dyn BlockProvider>>,
    table: InFlightTable,
    persister: Persister,
    fetched: Fetched,
    silence: Duration,
}

impl Exchange {
    /// An exchange over `store` and `providers` in this order: the next one is asked when one fails or is slow.
    pub fn new(store: Arc<dyn BlockSink>, providers: Vec<Arc<dyn BlockProvider>>, fetched: Fetched) -> Self {
        Self::with_silence(store, providers, fetched, SILENCE)
    }

    fn with_silence(
        store: Arc<dyn BlockSink>,
        providers: Vec<Arc<dyn BlockProvider>>,
        fetched: Fetched,
        silence: Duration,
    ) -> Self {
        let table = InFlightTable::default();
        let persister = Persister::start(Arc::clone(&store), table.clone());
        Self { shared: Arc::new(Shared { store, providers, table, persister, fetched, silence }) }
    }

    /// The providers as text; `nobody` without any.
    pub fn asked(&self) -> String {
        let names: Vec<String> = self.shared.providers.iter().map(|provider| provider.name()).collect();
        if names.is_empty() { "nobody".into() } else { names.join(", ") }
    }

    /// Fetches the DAG of `root` at once, if the first provider that can be asked supports that. May be incomplete: missing
    /// blocks are fetched when they are read.
    pub fn fetch_dag(&self, root: &Cid) {
        let Some(first) = self.shared.providers.iter().find(|provider| provider.has_somebody()) else { return };
        if is_complete(&*self.shared.store, root).unwrap_or(false) {
            return;
        }
        first.fetch_dag(root, &mut |block| {
            (self.shared.fetched)(self.shared.table.count(block.bytes().len()));
            self.shared.store.keep(&[block])
        });
    }

    /// Waits until all that was fetched is in the store for good.
    ///
    /// # Errors
    /// When something could not be kept: it will have to be fetched again.
    pub fn settle(&self) -> Result<(), DataError> {
        self.shared.persister.settle()
    }
}

impl BlockSource for Exchange {
    fn get(&self, cid: &Cid) -> Result<Bytes, DataError> {
        if let Some(bytes) = identity_bytes(cid).or_else(|| self.shared.table.landed(cid)) {
            return Ok(bytes);
        }
        let own = match self.shared.store.find(cid) {
            Ok(Some(bytes)) => return Ok(bytes),
            Ok(None) => self.shared.store.damaged_copy(cid).map(|copy| format!("its copy in {copy}, is damaged")),
            // A provider may have what the disk cannot read.
            Err(error) if self.shared.providers.is_empty() => return Err(error),
            Err(error) => Some(error.to_string()),
        };
        if self.shared.providers.is_empty() {
            let own = own.as_deref().unwrap_or("it is not in the store");
            return Err(DataError::missing(cid, format!("{own}, and no provider is configured: {ADVICE}")));
        }
        let (flight, new) = self.shared.table.join(cid);
        if new {
            self.shared.ask(&[Arc::clone(&flight)]);
        }
        self.shared.wait(&flight).map_err(|error| match error {
            DataError::Missing { cid, why } => {
                let own = own.map(|own| format!("; {own}")).unwrap_or_default();
                DataError::Missing { cid, why: format!("{why}{own}. To ask others, {ADVICE}") }
            }
            error => error,
        })
    }

    fn soon(&self, cids: &[Cid]) {
        if self.shared.providers.is_empty() {
            return;
        }
        let absent =
            |cid: &&Cid| identity_bytes(cid).is_none() && !matches!(self.shared.store.size_of(cid), Ok(Some(_)));
        let flights: Vec<Arc<InFlight>> =
            cids.iter().filter(absent).map_while(|cid| self.shared.table.begin(cid, MOST_AHEAD)).flatten().collect();
        self.shared.ask(&flights);
    }
}

impl Shared {
    /// Asks the next provider of each fetch, in batches by provider.
    fn ask(self: &Arc<Self>, flights: &[Arc<InFlight>]) {
        for (index, provider) in self.providers.iter().enumerate() {
            let cids: Vec<Cid> =
                flights.iter().filter(|flight| flight.take_turn(index)).map(|flight| *flight.cid()).collect();
            if !cids.is_empty() {
                provider.want(&cids, &self.answers(index));
            }
        }
    }

    fn answers(self: &Arc<Self>, index: usize) -> Answers {
        let shared = Arc::downgrade(self);
        Arc::new(move |cid, answer| {
            // Without the exchange there are no callers.
            if let Some(shared) = shared.upgrade() {
                shared.take(&cid, index, answer);
            }
        })
    }

    /// Takes the answer of the provider `index`.
    fn take(self: &Arc<Self>, cid: &Cid, index: usize, answer: Result<Bytes, DataError>) {
        match answer {
            Ok(bytes) => {
                let Some(flight) = self.table.land(cid, &bytes) else { return };
                (self.fetched)(self.table.fetched_bytes());
                for other in flight.others_asked(index) {
                    if let Some(provider) = self.providers.get(other) {
                        provider.cancel(&[*cid]);
                    }
                }
                // Before callers are notified, so that a later `settle` includes the block.
                self.persister.persist(cid, bytes.clone());
                flight.land(Ok(bytes));
                // Only providers wait for the disk, not callers.
                self.persister.wait_for_room();
            }
            Err(error) => {
                let Some(flight) = self.table.flight(cid) else { return };
                let name = self.providers.get(index).map_or_else(String::new, |provider| provider.name());
                match flight.decline(index, said(&name, error), self.providers.len()) {
                    Turn::Next => self.ask(&[flight]),
                    Turn::Wait => {}
                    Turn::Over(why) => {
                        self.table.give_up(cid);
                        flight.land(Err(why));
                    }
                }
            }
        }
    }

    /// Waits for a fetch, and asks the next provider after each pause without data.
    fn wait(self: &Arc<Self>, flight: &Arc<InFlight>) -> Result<Bytes, DataError> {
        let (mut fetched, mut since) = (self.table.fetched_bytes(), Instant::now());
        loop {
            match flight.wait(HEDGE.min(self.silence)) {
                Some(Ok(bytes)) => return Ok(bytes),
                Some(Err(error)) => return Err(DataError::missing(flight.cid(), error.to_string())),
                None if flight.begin_next(self.providers.len()) => self.ask(std::slice::from_ref(flight)),
                None => {}
            }
            let now_fetched = self.table.fetched_bytes();
            if now_fetched != fetched {
                (fetched, since) = (now_fetched, Instant::now());
            } else if since.elapsed() >= self.silence {
                self.abandon(flight);
            }
        }
    }

    /// Fails a fetch without answers.
    fn abandon(&self, flight: &Arc<InFlight>) {
        if self.table.give_up_on(flight) {
            for provider in &self.providers {
                provider.cancel(&[*flight.cid()]);
            }
        }
        flight.land(Err(FetchError::Silent(self.silence)));
    }
}

/// Error of a provider about a block: the provider's name without the CID.
fn said(name: &str, error: DataError) -> String {
    let why = match error {
        DataError::Missing { why, .. } => why,
        other => other.to_string(),
    };
    let named = name.split(", ").any(|one| why.starts_with(one));
    if named { why } else { format!("{name}: {why}") }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store and {}", self.asked())
    }
}

/// A panic cannot leave the state inconsistent: every change is one statement.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
