//! Blocks from a local store and, behind it, from providers of blocks: gateways, kubo, Bitswap. Each block is fetched once, is
//! checked against its CID, and is kept in the store.
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
//! let gateway = Gateway::new("https://trustless-gateway.link".parse()?, Duration::from_secs(30));
//! let providers = vec![Arc::new(Gateways::new([gateway])) as _];
//! let exchange = Arc::new(Exchange::new(Arc::new(OwnStore::new(store)), providers, Arc::new(|_bytes| {})));
//!
//! let root = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi".parse()?;
//! let tree = DagTree::open(exchange, &root, "")?;
//! println!("{:?}", tree.list("")?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod flight;
mod frontier;
mod gateway;
mod gateway_car;
mod gateways;
mod keeper;
mod kubo;
mod own;
mod pace;
mod provider;
mod table;
mod workers;

use std::fmt;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use bacalhau_cas::{Blocks, Cid, DataError, identity_bytes, is_complete};
use flight::{Flight, Turn};
use keeper::Keeper;
use table::Table;

pub use address::{KuboAddress, Peer, PeerError};
pub use gateway::Gateway;
pub use gateway_car::{CarFetch, CarFetched};
pub use gateways::Gateways;
pub use keeper::Keep;
pub use kubo::{Kubo, KuboIdentity};
pub use own::OwnStore;
pub use provider::{Answers, Provider, Sink};

/// How long one provider is waited for before the next is asked as well.
const HEDGE: Duration = Duration::from_secs(1);
/// How long everybody may send nothing at all before whoever waits is told so. Providers have time-outs of their own, which are
/// shorter and say more; this one holds if one of them forgets to answer.
const SILENCE: Duration = Duration::from_mins(15);
/// Blocks on their way that nobody waits for yet. Read-ahead beyond that is left undone.
const MOST_AHEAD: usize = 512;

/// Hears of all bytes that were fetched so far.
pub type Fetched = Arc<dyn Fn(u64) + Send + Sync>;

/// The own store and, behind it, everybody else. Each block is fetched once however many wait for it, and what comes is
/// kept in the store.
pub struct Exchange {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Keep>,
    /// The most wanted first.
    providers: Vec<Arc<dyn Provider>>,
    table: Table,
    keeper: Keeper,
    fetched: Fetched,
    silence: Duration,
}

impl Exchange {
    /// An exchange over `store` and `providers`, which are asked in this order: the next one when one has not, or when
    /// it takes long.
    pub fn new(store: Arc<dyn Keep>, providers: Vec<Arc<dyn Provider>>, fetched: Fetched) -> Self {
        Self::with_silence(store, providers, fetched, SILENCE)
    }

    fn with_silence(
        store: Arc<dyn Keep>,
        providers: Vec<Arc<dyn Provider>>,
        fetched: Fetched,
        silence: Duration,
    ) -> Self {
        let table = Table::default();
        let keeper = Keeper::start(Arc::clone(&store), table.clone());
        Self { shared: Arc::new(Shared { store, providers, table, keeper, fetched, silence }) }
    }

    /// Who is asked, in words; `nobody` when there is nobody.
    pub fn asked(&self) -> String {
        let names: Vec<String> = self.shared.providers.iter().map(|provider| provider.name()).collect();
        if names.is_empty() { "nobody".into() } else { names.join(", ") }
    }

    /// Fetches all that is below `root` in one go, where whoever is asked first has a way for that. It may come short:
    /// what is missing is fetched block by block, by whoever reads it.
    pub fn fetch_dag(&self, root: &Cid) {
        let Some(first) = self.shared.providers.first() else { return };
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
        self.shared.keeper.settle()
    }
}

impl Blocks for Exchange {
    fn get(&self, cid: &Cid) -> Result<Bytes, DataError> {
        if let Some(bytes) = identity_bytes(cid).or_else(|| self.shared.table.landed(cid)) {
            return Ok(bytes);
        }
        let own = match self.shared.store.find(cid) {
            Ok(Some(bytes)) => return Ok(bytes),
            Ok(None) => self.shared.store.damaged_copy(cid).map(|copy| format!("its copy in {copy}, is damaged")),
            // Others may have what the disk does not give.
            Err(error) if self.shared.providers.is_empty() => return Err(error),
            Err(error) => Some(error.to_string()),
        };
        if self.shared.providers.is_empty() {
            let own = own.as_deref().unwrap_or("it is not in the store");
            return Err(DataError::missing(
                cid,
                format!("{own}, and there is nobody to ask: name a peer, a gateway or a kubo with --ipfs-connect"),
            ));
        }
        let (flight, new) = self.shared.table.join(cid);
        if new {
            self.shared.ask(&[Arc::clone(&flight)]);
        }
        self.shared.wait(&flight).map_err(|error| match (error, own) {
            (DataError::Missing { cid, why }, Some(own)) => DataError::Missing { cid, why: format!("{why}; {own}") },
            (error, _) => error,
        })
    }

    fn soon(&self, cids: &[Cid]) {
        if self.shared.providers.is_empty() {
            return;
        }
        let absent =
            |cid: &&Cid| identity_bytes(cid).is_none() && !matches!(self.shared.store.size_of(cid), Ok(Some(_)));
        let flights: Vec<Arc<Flight>> =
            cids.iter().filter(absent).map_while(|cid| self.shared.table.begin(cid, MOST_AHEAD)).flatten().collect();
        self.shared.ask(&flights);
    }
}

impl Shared {
    /// Asks the next provider of each flight, all that have the same next one at once.
    fn ask(self: &Arc<Self>, flights: &[Arc<Flight>]) {
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
            // Without the exchange, nobody waits.
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
                // Before anybody hears of it, so that whoever has it and then settles finds it kept.
                self.keeper.keep(cid, bytes.clone());
                flight.land(Ok(bytes));
                // Only who brings blocks waits for the disk, and not those who wait for the block.
                self.keeper.make_way();
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

    /// Waits for a flight, and asks the next provider each time that nothing came for a while.
    fn wait(self: &Arc<Self>, flight: &Arc<Flight>) -> Result<Bytes, DataError> {
        let (mut fetched, mut since) = (self.table.fetched_bytes(), Instant::now());
        loop {
            match flight.wait(HEDGE.min(self.silence)) {
                Some(Ok(bytes)) => return Ok(bytes),
                Some(Err(why)) => return Err(DataError::missing(flight.cid(), why)),
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

    /// Ends a flight that nobody answers.
    fn abandon(&self, flight: &Arc<Flight>) {
        if self.table.give_up_on(flight) {
            for provider in &self.providers {
                provider.cancel(&[*flight.cid()]);
            }
        }
        flight.land(Err(format!("nobody has answered in {} s", self.silence.as_secs())));
    }
}

/// What a provider said of a block, once: its name in front, and not which block.
fn said(name: &str, error: DataError) -> String {
    let why = match error {
        DataError::Missing { why, .. } => why,
        other => other.to_string(),
    };
    if why.starts_with(name) { why } else { format!("{name}: {why}") }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store and {}", self.asked())
    }
}

/// A lock whose holder panicked guards a state that is still sound: every change is one statement.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
